"""Load that tells the truth about speed and about correctness."""
