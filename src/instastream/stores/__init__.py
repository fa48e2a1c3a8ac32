"""What the system keeps, and the backends that keep it."""
