"""Keeps which posts need which media, and sweeps what none needs: `media` and `posts` in."""

from instastream.events import MediaReady
from instastream.findings import KINDS
from instastream.handlers.ledger import LEDGER
from instastream.metrics import SWEPT, at_zero
from instastream.multipart import abort_abandoned
from instastream.orphans import sweep_uploads
from instastream.reclaim import reclaim
from instastream.sweeping.missing import find_dangling
from instastream.sweeping.objects import reconcile
from instastream.sweeping.stuck import announce_stuck
from streams.single import worker

RECLAIM_EVERY_S = 5.0  # with nothing due it costs one small read of each bucket of the due list
ANNOUNCE_EVERY_S = 60.0  # asks Kafka what was handled; a read of Cassandra for each post since
SWEEP_EVERY_S = 300.0  # lists a page of uploads for every thousand there are, up to ten
RECONCILE_EVERY_S = 300.0  # lists up to nine pages of media, and asks who refers to them
DANGLING_EVERY_S = 300.0  # lists the media of 500 posts
ABORT_EVERY_S = 600.0  # lists every upload in parts that is under way

app = worker(
    "ledger",
    LEDGER,
    in_flight=64,
    chores={
        reclaim: RECLAIM_EVERY_S,
        announce_stuck: ANNOUNCE_EVERY_S,
        sweep_uploads: SWEEP_EVERY_S,
        reconcile: RECONCILE_EVERY_S,
        find_dangling: DANGLING_EVERY_S,
        abort_abandoned: ABORT_EVERY_S,
    },
    led_by=MediaReady.topic,
)
at_zero(SWEPT, KINDS)
