"""What the system runs on: topics, tables, and the servers themselves."""
