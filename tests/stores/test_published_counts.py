"""What is published of posts with several shards: lost, wrong or left behind, it is found."""

import asyncio

import pytest
import pytest_asyncio

from instastream.auditing import judging
from instastream.auditing.drift import Drift
from instastream.auditing.recounting import audit_post, recounts
from instastream.auditing.repairing import repair_all
from instastream.counting import Shard
from instastream.deps import Deps
from instastream.ids import PostId
from instastream.settings import Settings
from instastream.steps import ignore
from instastream.stores.audits import RING, arcs
from instastream.stores.cassandra.counters import CassandraCounters
from instastream.stores.cassandra.session import open_session
from instastream.stores.counters import Place
from tests.stores.conftest import new_id
from tests.stores.counter_breaking import Hand
from tests.stores.test_audits import marks

SHARDS = 4


@pytest.fixture(autouse=True)
def nobody_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not published by now never will be."""
    monkeypatch.setattr(judging, "WAITS_S", (0.001,) * len(judging.WAITS_S))


@pytest_asyncio.fixture
async def places(deps: Deps) -> list[Place]:
    """A post's, each with two likes, published and shown."""
    subject = new_id()
    places = [Place(subject, shard) for shard in range(SHARDS)]
    said = marks([(5, True), (6, True)])
    await deps.likes.publish(await deps.likes.apply(dict.fromkeys(places, said)))
    await deps.counts.publish("likes", (await deps.likes.totals({subject: SHARDS})).values())
    return places


def seen(*_: str) -> None:
    """No sample is taken."""


async def found(deps: Deps, places: list[Place]) -> list[Drift]:
    audits = audit_post(PostId(places[0].subject_id), deps, report=ignore, seen=seen)
    return [audit async for audit in audits][-1].drift


def told(drift: list[Drift]) -> list[tuple[int | None, str, int, int]]:
    return [(one.shard, one.what, one.says, one.is_) for one in drift]


async def repaired(deps: Deps, places: list[Place]) -> bool:
    drift = await repair_all(await found(deps, places), deps, report=ignore)
    return all(one.repaired for one in drift) and not await found(deps, places)


async def test_what_is_published_is_right(deps: Deps, places: list[Place]) -> None:
    assert await found(deps, places) == []


async def test_what_was_never_published_is_found(
    deps: Deps, places: list[Place], hand: Hand
) -> None:
    await hand.unpublish(places[2])
    assert told(await found(deps, places))[0] == (2, "total", 0, 2)
    assert await repaired(deps, places)


async def test_what_is_published_wrong_is_found(
    deps: Deps, places: list[Place], hand: Hand
) -> None:
    await hand.publish(places[1], 7)
    assert (1, "total", 7, 2) in told(await found(deps, places))
    assert (None, "shown", 8, 13) in told(await found(deps, places))
    assert await repaired(deps, places)


async def test_what_is_published_as_of_an_older_event_is_found(
    deps: Deps, places: list[Place]
) -> None:
    await deps.likes.apply({places[3]: marks([(5, False)], since=3)})
    assert told(await found(deps, places)) == [(3, "total", 2, 1)]
    assert await repaired(deps, places)
    assert (await deps.likes.totals({places[0].subject_id: SHARDS}))[
        places[0].subject_id
    ].count == 2 * SHARDS - 1


async def test_a_wrong_shard_is_published_anew_when_it_is_repaired(
    deps: Deps, places: list[Place], hand: Hand
) -> None:
    await hand.miscount(places[1], 9)
    said = await deps.audits["likes"].said(places[1].subject_id, [1])
    await deps.likes.publish(said)
    assert (1, "count", 9, 2) in told(await found(deps, places))
    assert await repaired(deps, places)
    kept = await deps.audits["likes"].published_of([places[1].subject_id])
    assert kept[places[1]] == Shard(count=2, size=2, version=2, at_ms=2)


async def test_a_shard_that_is_gone_is_found_and_not_repaired(
    deps: Deps, places: list[Place], hand: Hand
) -> None:
    await hand.destroy(places[2])
    assert told(await found(deps, places))[0] == (2, "total", 2, 0)
    lost = [
        one.place
        async for some in recounts("likes", RING, deps)
        for one in some
        if not one.is_there
    ]
    assert places[2] in lost
    assert not await repaired(deps, places)


async def test_a_total_is_of_one_moment_however_many_rows_it_is_read_from(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_session(settings) as session:
        monkeypatch.setattr(session._driver, "default_fetch_size", 2)
        likes, subject = CassandraCounters(session, "likes"), new_id()
        places = [Place(subject, shard) for shard in range(SHARDS)]

        async def publish() -> None:
            for n in range(1, 200):
                shard = Shard(count=n, size=n, version=n, at_ms=n)
                await likes.publish(dict.fromkeys(places, shard))

        publishing = asyncio.create_task(publish())
        while not publishing.done():
            total = (await likes.totals({subject: SHARDS}))[subject]
            assert total.count == SHARDS * total.at_ms
        await publishing


@pytest.mark.parametrize("number", [1, 3])
async def test_published_posts_are_read_a_part_of_the_ring_at_a_time(
    number: int, deps: Deps, places: list[Place]
) -> None:
    met = [
        published
        for arc in arcs(number)
        async for published in deps.audits["likes"].published(arc)
        if places[0] in published
    ]
    assert [sorted(one) for one in met] == [places]
