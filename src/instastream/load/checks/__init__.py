"""Whether a system was right: histories, an oracle that knows what they mean, and a checker."""
