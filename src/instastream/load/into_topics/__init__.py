"""Load without HTTP: events invented, recorded and played again, straight into topics."""
