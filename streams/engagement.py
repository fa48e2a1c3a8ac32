"""Counts likes and comments: `engagement` and `comments` in, counters and threads out."""

from instastream.handlers.engagement import ENGAGEMENT
from streams.batched import batch_worker

app = batch_worker("engagement", ENGAGEMENT)
