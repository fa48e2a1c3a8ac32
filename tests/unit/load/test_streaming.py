"""The records that are streamed, and how many."""

import pytest
from msgspec.structs import replace

from instastream.errors import Corrupt, Unready
from instastream.events import decode, encode, headers
from instastream.ids import Lease, Mint
from instastream.load.into_topics.appending import Outgoing
from instastream.load.into_topics.streaming import (
    SPOILERS,
    Bounds,
    check_bounds,
    leased,
    outgoing,
)
from instastream.stores.memory import MemoryLeases
from instastream.tracing import TRACEPARENT
from tests.unit.load.worlds import BEGINS_MS, PLAN, some


def records(count: int, **bounds: float) -> list[Outgoing]:
    """What is streamed of the plan."""
    given = Bounds(count=count, **bounds)
    return list(outgoing(PLAN, given, Mint(Lease(5, BEGINS_MS, BEGINS_MS + 3_600_000))))


def test_a_record_is_what_the_log_would_append() -> None:
    for record in records(2_000):
        event = decode(record.value)
        assert record.topic == event.topic
        assert (record.key, record.value) == (event.key.encode(), encode(event))
        traceparent = dict(record.headers)["traceparent"].decode()
        assert TRACEPARENT.fullmatch(traceparent)
        assert record.headers == headers(event, traceparent)


def test_each_is_due_when_it_happens() -> None:
    due_s = [record.due_s for record in records(200, per_s=50)]
    assert due_s == [n / 50 for n in range(200)]
    assert {record.due_s for record in records(200)} == {None}


def test_the_poison_asked_for_is_in_the_place_of_events() -> None:
    plan = replace(PLAN, poison_share=0.1)
    spoiled = 0
    for record in outgoing(plan, Bounds(count=5_000), Mint(Lease(5, BEGINS_MS, 2 * BEGINS_MS))):
        try:
            decode(record.value)
        except Corrupt:
            spoiled += 1
    assert 400 < spoiled < 600


def test_no_poison_is_an_event() -> None:
    for event in some(500):
        for spoil in SPOILERS:
            with pytest.raises(Corrupt):
                decode(spoil(encode(event)))


@pytest.mark.parametrize(
    ("bounds", "count"),
    [
        (Bounds(count=10), 10),
        (Bounds(count=10, per_s=2, duration_s=3), 6),
        (Bounds(count=4, per_s=2, duration_s=3), 4),
    ],
)
def test_whichever_bound_is_reached_first_ends_it(bounds: Bounds, count: int) -> None:
    assert bounds.count_max == count


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (Bounds(per_s=5), "say how many events, or for how long"),
        (Bounds(count=0), "count: must be above 0"),
        (Bounds(count=1, per_s=-1), "rate: must be above 0"),
        (Bounds(duration_s=float("inf")), "duration: must be above 0"),
        (Bounds(count=1, per_s=1e7), "rate: must be at most 1,000,000 a second"),
    ],
)
def test_a_stream_without_an_end_or_beyond_all_measure_is_refused(
    bounds: Bounds, sentence: str
) -> None:
    with pytest.raises(Unready, match=sentence):
        check_bounds(bounds)


@pytest.mark.parametrize("per_s", [None, 3.0, 5_000.0])
async def test_ids_last_to_the_end_and_nobody_else_mints_them(per_s: float | None) -> None:
    leases = MemoryLeases(workers=1)
    bounds = Bounds(count=3_000, per_s=per_s)
    async with leased(bounds, leases, now_ms=BEGINS_MS) as mint:
        assert len(list(outgoing(PLAN, bounds, mint))) == 3_000
    following = await leases.acquire(now_ms=mint.end_ms, until_ms=mint.end_ms + 1)
    assert following.start_ms >= mint.end_ms
