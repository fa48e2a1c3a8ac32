"""Shards recounted: whatever an event did not do to them is found, and repaired."""

from random import Random

import pytest
import pytest_asyncio

from instastream.auditing.drift import drift_of
from instastream.counting import Mark, Shard
from instastream.deps import Deps
from instastream.stores.audits import RING, Audits, Recount, arcs, nothing_at
from instastream.stores.counters import Place
from tests.stores.conftest import new_id
from tests.stores.counter_breaking import Hand


@pytest.fixture
def audits(deps: Deps) -> Audits:
    return deps.audits["likes"]


@pytest_asyncio.fixture
async def place(deps: Deps) -> Place:
    """Three members ever, of whom two count, as of event 5."""
    place = Place(new_id())
    await deps.likes.apply({place: marks([(5, True), (6, True), (7, True), (6, False), (5, True)])})
    return place


def marks(said: list[tuple[int, bool]], *, since: int = 1) -> list[Mark]:
    """Who likes it, or no longer, one event after another."""
    return [
        Mark(member=str(who), place=1_000 + at if likes else 0, version=at, at_ms=at)
        for at, (who, likes) in enumerate(said, start=since)
    ]


async def members_of(audits: Audits, place: Place) -> dict[str, int]:
    snapshot = await audits.snapshot(place)
    assert snapshot
    return snapshot[1]


def wrong(recount: Recount) -> set[tuple[str, int, int]]:
    assert recount.settled
    return {(one.what, one.says, one.is_) for one in drift_of("likes", recount)}


async def test_a_shard_is_what_it_says(audits: Audits, place: Place) -> None:
    recount = await audits.recount(place)
    assert recount.says == Shard(count=2, size=3, version=5, at_ms=5)
    assert (recount.counted, recount.ever, recount.listed) == (2, 3, 2)
    assert not wrong(recount)


async def test_nothing_is_wrong_where_nothing_is(audits: Audits) -> None:
    place = Place(new_id())
    assert await audits.recount(place) == nothing_at(place)
    assert not wrong(await audits.recount(place))


async def test_every_shard_is_in_one_part_of_the_ring(audits: Audits, deps: Deps) -> None:
    places = {Place(new_id(), shard) for shard in (0, 0, 1, 7, 255) for _ in range(20)}
    for place in places:
        await deps.likes.apply({place: marks([(5, True)])})
    met = []
    for arc in arcs(16):
        found = [one async for one in audits.recounts(arc)]
        met += [one.place for one in found if one.place in places and not wrong(one)]
        tokens = [audits.token(one.place) for one in found]
        assert tokens == sorted(tokens), "in the order of the ring"
        assert all(arc.after < token <= arc.until for token in tokens)
    assert sorted(met) == sorted(places)
    assert places <= {one.place async for one in audits.recounts(RING)}


async def test_a_wrong_count_is_found_and_repaired(
    audits: Audits, place: Place, hand: Hand
) -> None:
    await hand.miscount(place, 9)
    recount = await audits.recount(place)
    assert wrong(recount) == {("count", 9, 2)}
    assert recount in [one async for one in audits.recounts(RING)]
    await audits.repair(place, Shard(count=2, size=3, version=5, at_ms=5))
    assert (await audits.recount(place)).says == Shard(count=2, size=3, version=5, at_ms=5)


async def test_a_member_that_is_missing_is_missed(audits: Audits, place: Place, hand: Hand) -> None:
    await hand.lose(place, "5")
    assert {("count", 2, 1), ("size", 3, 2)} <= wrong(await audits.recount(place))
    await audits.repair(place, Shard(count=2, size=3, version=5, at_ms=5), {"5": 1})
    assert not wrong(await audits.recount(place))
    assert await audits.snapshot(place) == (
        Shard(count=2, size=3, version=5, at_ms=5),
        {"5": 1, "6": 0, "7": 1},
    )


async def test_one_who_never_was_a_member_is_one_no_longer(audits: Audits, place: Place) -> None:
    await audits.repair(place, Shard(count=1, size=2, version=5, at_ms=5), {"7": None})
    assert not wrong(await audits.recount(place))
    assert await members_of(audits, place) == {"5": 1, "6": 0}


async def test_a_repair_that_comes_too_late_changes_nothing(
    audits: Audits, place: Place, deps: Deps
) -> None:
    await deps.likes.apply({place: marks([(7, False)], since=6)})
    await audits.repair(place, Shard(count=2, size=3, version=5, at_ms=5))
    recount = await audits.recount(place)
    assert recount.says == Shard(count=1, size=3, version=6, at_ms=6)
    assert not wrong(recount)


async def test_events_after_a_repair_count_from_there(
    audits: Audits, place: Place, deps: Deps, hand: Hand
) -> None:
    await hand.miscount(place, 9)
    await audits.repair(place, Shard(count=2, size=3, version=5, at_ms=5))
    shards = await deps.likes.apply({place: marks([(8, True), (5, False)], since=6)})
    assert shards[place].count == 2
    assert not wrong(await audits.recount(place))


async def test_members_are_told_whether_they_count_or_not(audits: Audits, place: Place) -> None:
    found = [member async for page in audits.members(place) for member in page]
    assert sorted(found) == ["5", "6", "7"]


async def test_what_a_shard_says_is_told_where_it_says_something(
    audits: Audits, place: Place
) -> None:
    said = await audits.said(place.subject_id, range(256))
    assert said == {place: Shard(count=2, size=3, version=5, at_ms=5)}


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happened_a_shard_is_what_it_says(
    seed: int, audits: Audits, deps: Deps
) -> None:
    random = Random(seed)
    place = Place(new_id())
    said = [(random.randrange(1, 9), random.random() < 0.6) for _ in range(60)]
    begin = 0
    while begin < len(said):
        end = begin + random.randrange(1, 12)
        await deps.likes.apply({place: marks(said[:end])[random.randrange(begin + 1) :]})
        assert not wrong(await audits.recount(place))
        begin = end
