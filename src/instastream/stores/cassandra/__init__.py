"""The durable stores, on Cassandra."""
