"""`instastream load`: generates load, says how fast the system was, and whether it was right."""
