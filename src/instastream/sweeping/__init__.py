"""Finds what is left over, lost or missing in the stores, and sees to it."""
