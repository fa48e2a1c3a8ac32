"""Invented events for tests: some thousands, with all that can happen."""

from itertools import islice

from instastream.events import Event
from instastream.ids import Lease, Mint
from instastream.load.into_topics.inventing import StreamPlan, invent

BEGINS_MS = 1_795_000_000_000
PER_S = 10_000
PLAN = StreamPlan(seed=7, users=100, posts=50, celebrities=2)


def mint() -> Mint:
    """Ids of one worker for an hour."""
    return Mint(Lease(5, BEGINS_MS, BEGINS_MS + 3_600_000))


def some(count: int = 10_000, plan: StreamPlan = PLAN) -> list[Event]:
    """The first events of a plan."""
    return list(islice(invent(plan, mint(), begins_ms=BEGINS_MS, per_s=PER_S), count))
