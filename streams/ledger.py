"""Keeps which posts need which media, and reclaims what none needs: `media` and `posts` in."""

from instastream.handlers.ledger import LEDGER
from instastream.reclaim import reclaim
from streams.worker import worker

RECLAIM_EVERY_S = 5.0  # with nothing due it costs one small read of each bucket of the due list

app = worker("ledger", LEDGER, in_flight=64, chore=reclaim, every_s=RECLAIM_EVERY_S)
