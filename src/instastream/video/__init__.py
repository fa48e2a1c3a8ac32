"""Videos: hostile files in, HLS ladders out, by processes that may die."""
