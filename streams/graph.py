"""Keeps who there is and who follows whom: `users` and `graph` in, rows out."""

from instastream.handlers.graph import GRAPH
from streams.single import worker

app = worker("graph", GRAPH, in_flight=128)
