"""Keeps which posts need which media, and reclaims what none needs: `media` and `posts` in."""

from instastream.handlers.ledger import LEDGER
from instastream.multipart import abort_abandoned
from instastream.orphans import sweep_uploads
from instastream.reclaim import reclaim
from streams.single import worker

RECLAIM_EVERY_S = 5.0  # with nothing due it costs one small read of each bucket of the due list
ABORT_EVERY_S = 600.0  # lists every upload in parts that is under way
SWEEP_EVERY_S = 300.0  # lists a page of uploads for every thousand there are, up to ten

app = worker(
    "ledger",
    LEDGER,
    in_flight=64,
    chores={
        reclaim: RECLAIM_EVERY_S,
        abort_abandoned: ABORT_EVERY_S,
        sweep_uploads: SWEEP_EVERY_S,
    },
)
