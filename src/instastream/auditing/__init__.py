"""Recounts counters, proves them against the log, and repairs them."""
