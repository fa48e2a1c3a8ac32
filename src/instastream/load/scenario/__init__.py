"""The load that is wanted: who there is, what they do, and when."""
