"""Fans posts out: `media` in, ids in followers' lists out, by way of `fanout` for the many."""

from instastream.events import FanoutPage, MediaReady
from instastream.handlers import fan_out, push_page
from streams.worker import Handlers, worker

HANDLERS: Handlers = {MediaReady: fan_out, FanoutPage: push_page}

app = worker("feeds", HANDLERS, in_flight=32)
