"""How fast a system was: latencies measured, shown while a load runs, and told afterwards."""
