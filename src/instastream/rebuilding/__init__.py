"""Projections made again from the log, and compared by what they hold."""
