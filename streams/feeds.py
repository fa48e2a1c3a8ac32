"""Fans posts out: `media` in, ids in followers' lists out, by way of `fanout` for the many."""

from instastream.handlers.feeds import FEEDS
from streams.single import worker

app = worker("feeds", FEEDS, in_flight=32)
