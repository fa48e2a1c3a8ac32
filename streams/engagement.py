"""Counts likes and comments: `engagement` and `comments` in, counters and threads out."""

from random import Random

from instastream.auditing.watching import Watch
from instastream.handlers.engagement import ENGAGEMENT
from streams.batched import batch_worker

AUDIT_EVERY_S = 60.0  # a second of Cassandra at most

app = batch_worker("engagement", ENGAGEMENT, chores={Watch(Random()): AUDIT_EVERY_S})
