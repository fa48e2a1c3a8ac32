"""Invented events straight into topics, keyed and headed as the API does it, in an open loop."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from math import ceil
from random import Random

from msgspec import Struct

from instastream.errors import Unready
from instastream.events import Event, encode, headers_of, type_of
from instastream.ids import Mint
from instastream.load.into_topics.appending import Appender, Outgoing
from instastream.load.into_topics.inventing import StreamPlan, check_plan, invent
from instastream.load.into_topics.pouring import Poured, Report, pour
from instastream.stores.leases import Leases
from instastream.tracing import current_trace

SLICE_LENGTH = 256  # made at once: 3 ms
UNPACED_PER_S = 1_000_000  # how close ids are then: more than one process makes, so never ahead
TOPICS = ("users", "graph", "uploads", "media", "posts", "engagement", "comments")


class Bounds(Struct, frozen=True, kw_only=True):
    """How fast, and until when: after `count` records or `duration_s`, whichever comes first."""

    per_s: float | None = None  # None: as fast as it can
    count: int | None = None
    duration_s: float | None = None

    @property
    def pace(self) -> float:
        """How many events a second there are, by their ids and times."""
        return self.per_s or UNPACED_PER_S

    @property
    def count_max(self) -> int:
        """How many records there are at most."""
        most = [] if self.count is None else [self.count]
        if self.duration_s is not None:
            most.append(ceil(self.duration_s * self.pace))
        return min(most)

    @property
    def span_ms(self) -> int:
        """From before the first of their ids to after the last, in the time of `pace`."""
        return ceil(1000 * self.count_max / self.pace) + 1


def check_bounds(bounds: Bounds) -> None:
    """Raise Unready unless there is an end, and it can be reached."""
    if bounds.count is None and bounds.duration_s is None:
        raise Unready("say how many events, or for how long")
    for name, number in (
        ("rate", bounds.per_s),
        ("count", bounds.count),
        ("duration", bounds.duration_s),
    ):
        if number is not None and not 0 < number < float("inf"):
            raise Unready(f"{name}: must be above 0")
    if bounds.pace > UNPACED_PER_S:
        raise Unready(f"rate: must be at most {UNPACED_PER_S:,} a second")


@asynccontextmanager
async def leased(bounds: Bounds, leases: Leases, *, now_ms: int) -> AsyncIterator[Mint]:
    """Ids from now on that nobody else mints, however long it takes to send them."""
    check_bounds(bounds)
    lease = await leases.acquire(now_ms=now_ms, until_ms=now_ms + bounds.span_ms + 1)
    mint = Mint(lease)
    try:
        yield mint
    finally:
        await leases.release(lease, at_ms=mint.end_ms)


async def stream_events(
    plan: StreamPlan, bounds: Bounds, appender: Appender, mint: Mint, *, report: Report
) -> Poured:
    """Append what is invented, each event when it is due; the first of them now.

    The same plan, bounds and lease give the same records in the same order. Returns when all of
    them are acknowledged. Raises Unready where the plan can't be carried out or a topic is not
    there, Unavailable where Kafka is away for too long.
    """
    check_plan(plan)
    check_bounds(bounds)
    await appender.know(TOPICS)
    return await pour(_slices(outgoing(plan, bounds, mint), bounds), appender, report)


def outgoing(plan: StreamPlan, bounds: Bounds, mint: Mint) -> Iterator[Outgoing]:
    """The records of `stream_events`."""
    events = invent(plan, mint, begins_ms=mint.lease.start_ms, per_s=bounds.pace)
    poisoned = Random(plan.seed + 2)
    traceparent = current_trace()
    for n, event in enumerate(islice(events, bounds.count_max)):
        due_s = n / bounds.per_s if bounds.per_s else None
        if plan.poison_share and poisoned.random() < plan.poison_share:
            yield _poison(event, poisoned, due_s)
            continue
        value = encode(event)
        headed = headers_of(value, type_of(type(event)), traceparent)
        yield Outgoing(event.topic, event.key.encode(), value, headed, due_s)


async def _slices(records: Iterator[Outgoing], bounds: Bounds) -> AsyncIterator[Sequence[Outgoing]]:
    begun_s = time.perf_counter()
    within_s = None if bounds.per_s else bounds.duration_s
    while slice_ := list(islice(records, SLICE_LENGTH)):
        if within_s is not None and time.perf_counter() - begun_s >= within_s:
            return
        yield slice_


def _poison(event: Event, random: Random, due_s: float | None) -> Outgoing:
    """A record that holds no event, where one would be."""
    spoil = random.choice(SPOILERS)
    return Outgoing(event.topic, event.key.encode(), spoil(encode(event)), [], due_s)


SPOILERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda value: value[:-1],  # cut short
    lambda value: value.replace(b'"at_ms":', b'"at":'),  # a field is missing
    lambda value: value.replace(b".v1", b".v9"),  # of a type that nobody knows
    lambda value: b"\xff" + value,  # no text
    lambda value: b"",
)
