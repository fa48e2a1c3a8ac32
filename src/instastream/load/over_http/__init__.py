"""Load over HTTP: people who use the API, in an open loop, by several processes."""
