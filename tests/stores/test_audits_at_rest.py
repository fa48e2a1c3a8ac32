"""Recounts on Cassandra: broken rows, large shards, and writers that go on meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from random import Random
from typing import Any, cast

import pytest
import pytest_asyncio
from msgspec.structs import replace

from instastream.auditing.drift import drift_of
from instastream.counting import PAGE_BITS, Mark, Shard
from instastream.settings import Settings
from instastream.stores.audits import RING, Recount
from instastream.stores.cassandra import audits as module
from instastream.stores.cassandra.audits import CassandraAudits
from instastream.stores.cassandra.counters import CassandraCounters
from instastream.stores.cassandra.session import Session, open_session
from instastream.stores.counters import Place
from tests.stores.conftest import new_id
from tests.stores.counter_breaking import CassandraHand
from tests.stores.test_audits import marks, members_of, wrong

WRITERS = 4
RECOUNTS = 60


@pytest_asyncio.fixture(scope="session")
async def session(settings: Settings) -> AsyncIterator[Session]:
    async with open_session(settings) as session:
        yield session


@pytest.fixture
def likes(session: Session) -> CassandraCounters:
    return CassandraCounters(session, "likes")


@pytest.fixture
def audits(session: Session) -> CassandraAudits:
    return CassandraAudits(session, "likes")


@pytest.fixture
def hand(session: Session) -> CassandraHand:
    return CassandraHand(session)


@pytest_asyncio.fixture
async def place(likes: CassandraCounters) -> Place:
    """Two members of three count, listed at 1,001 and 1,003 on page 1, as of event 5."""
    place = Place(new_id())
    await likes.apply({place: marks([(5, True), (6, True), (7, True), (6, False), (5, True)])})
    return place


RIGHT = Shard(count=2, size=3, version=5, at_ms=5)


def on_a_page_of_its_own(mark: Mark) -> Mark:
    return replace(mark, place=mark.place and mark.version << PAGE_BITS)


async def repaired(audits: CassandraAudits, place: Place) -> set[tuple[str, int, int]]:
    """What is wrong after a repair that knows what is right."""
    await audits.repair(place, RIGHT)
    return wrong(await audits.recount(place))


async def listed(likes: CassandraCounters, place: Place) -> list[tuple[int, str]]:
    return [*await likes.newest(place.subject_id, 1, before=1 << 62, limit=10)]


async def test_one_too_many_in_the_list_is_found(
    audits: CassandraAudits, likes: CassandraCounters, hand: CassandraHand, place: Place
) -> None:
    await hand.list(place, 1, 1_009, 9)
    await hand.list(place, 2, 1_008 + (1 << PAGE_BITS), 7)
    assert wrong(await audits.recount(place)) == {("list", 4, 2)}
    assert await repaired(audits, place) == set()
    assert await listed(likes, place) == [(1_003, "7"), (1_001, "5")]


async def test_one_listed_elsewhere_is_found_and_comes_to_some_place_on_its_page(
    audits: CassandraAudits, likes: CassandraCounters, hand: CassandraHand, place: Place
) -> None:
    await hand.unlist(place, 1, 7)
    await hand.list(place, 2, 1 << PAGE_BITS, 7)
    assert wrong(await audits.recount(place)) == {("list", 2, 2)}
    assert await repaired(audits, place) == set()
    assert await listed(likes, place) == [(1_001, "5"), (7, "7")]


async def test_one_who_is_not_listed_is_found(
    audits: CassandraAudits, likes: CassandraCounters, hand: CassandraHand, place: Place
) -> None:
    await hand.unlist(place, 1, 5)
    assert wrong(await audits.recount(place)) == {("list", 1, 2)}
    assert await repaired(audits, place) == set()
    assert await listed(likes, place) == [(1_003, "7"), (5, "5")]


async def test_a_shard_that_cannot_be_read_without_members_is_found(
    audits: CassandraAudits, hand: CassandraHand, place: Place
) -> None:
    await hand.behead(place)
    assert wrong(await audits.recount(place)) == {("header", 0, 1)}
    assert await audits.said(place.subject_id, [0]) == {}
    assert await repaired(audits, place) == set()
    assert await audits.said(place.subject_id, [0]) == {place: RIGHT}


async def test_a_count_of_one_event_beside_the_version_of_another_is_found(
    audits: CassandraAudits, hand: CassandraHand, place: Place
) -> None:
    await hand.advance(place, 8)
    assert wrong(await audits.recount(place)) == {("dates", 8, 5)}
    await audits.repair(place, Shard(count=2, size=3, version=8, at_ms=5))
    assert not wrong(await audits.recount(place))


async def test_a_shard_of_many_pages_is_recounted_and_repaired(
    audits: CassandraAudits,
    likes: CassandraCounters,
    hand: CassandraHand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 7)
    monkeypatch.setattr(module, "BATCH_LENGTH", 5)
    monkeypatch.setattr(module, "LISTS_LENGTH", 3)
    place = Place(new_id())
    said = [(who, who % 3 > 0) for who in range(1, 100)]
    shards = await likes.apply({place: [*map(on_a_page_of_its_own, marks(said))]})
    recount = await audits.recount(place)
    assert (recount.counted, recount.ever, recount.listed) == (66, 99, 66)
    assert not wrong(recount)
    for member in (1, 50, 97):
        await hand.unlist(place, 1 + member, member)
        await hand.list(place, 2 + member, (1 + member) << PAGE_BITS, member)
    await hand.list(place, 3_000, 2_999 << PAGE_BITS, 3)
    assert wrong(await audits.recount(place)) == {("list", 67, 66)}
    await audits.repair(place, shards[place])
    assert not wrong(await audits.recount(place))
    assert len(await members_of(audits, place)) == 99


async def test_a_table_of_many_pages_is_read_whole(
    audits: CassandraAudits, likes: CassandraCounters, session: Session
) -> None:
    places = {Place(new_id(), shard) for shard in range(30)}
    for place in places:
        await likes.apply({place: marks([(5, True), (6, True)])})
    pages = [
        page
        async for page in session.pages(
            "SELECT subject_id, shard FROM likes WHERE token(subject_id, shard) > ?",
            RING.after,
            rows=7,
        )
    ]
    assert len(pages[0]) == 7
    met = {Place(str(row.subject_id), row.shard) for page in pages for row in page}
    assert places <= met


class Traffic:
    """Writers who count the events of some shards at once, some of these twice and late."""

    def __init__(self, likes: CassandraCounters, places: list[Place]) -> None:
        self.likes, self.places = likes, places
        self.said: dict[Place, list[Mark]] = {place: [] for place in places}
        self.going_on = True

    async def write(self, random: Random) -> None:
        while self.going_on:
            place = random.choice(self.places)
            said = self.said[place]
            some = [(random.randrange(1, 60), random.random() < 0.6) for _ in range(7)]
            said += marks(some, since=len(said) + 1)
            counted = (await self.likes.shard(place, "1"))[0].version
            await self.likes.apply({place: said[random.randrange(counted + 1) :]})


async def test_traffic_is_no_drift(
    audits: CassandraAudits, likes: CassandraCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 20)  # so that a shard is read in several pages
    traffic = Traffic(likes, [Place(new_id()) for _ in range(3)])
    writers = [asyncio.create_task(traffic.write(Random(seed))) for seed in range(WRITERS)]
    seen: list[Recount] = []
    while len(seen) < RECOUNTS:
        seen += [one async for one in audits.recounts(RING) if one.place in traffic.places]
        seen += await asyncio.gather(*map(audits.recount, traffic.places))
    traffic.going_on = False
    await asyncio.gather(*writers)
    seen += await asyncio.gather(*map(audits.recount, traffic.places))
    assert [drift for one in seen for drift in drift_of("likes", one)] == []
    assert len({one.says.version for one in seen}) > RECOUNTS / 5, "they wrote meanwhile"
    assert all(one.settled for one in seen[-3:])


class LateSession:
    """A session whose batches wait."""

    def __init__(self, session: Session) -> None:
        self.execute = session.execute
        self.count_in_one_generation = session.count_in_one_generation
        self._session = session
        self.arrived, self.goes = asyncio.Event(), asyncio.Event()

    async def execute_together(self, statements: Iterable[Any]) -> None:
        self.arrived.set()
        await self.goes.wait()
        await self._session.execute_together(statements)


async def test_who_read_what_was_wrong_writes_it_again_and_is_found_again(
    session: Session, audits: CassandraAudits, hand: CassandraHand, place: Place
) -> None:
    await hand.miscount(place, 9)
    late = LateSession(session)
    counters = CassandraCounters(cast(Session, late), "likes")
    writing = asyncio.create_task(counters.apply({place: marks([(8, True)], since=6)}))
    await late.arrived.wait()
    assert await repaired(audits, place) == set()
    late.goes.set()
    await writing
    assert wrong(await audits.recount(place)) == {("count", 10, 3)}
    await audits.repair(place, Shard(count=3, size=4, version=6, at_ms=6))
    assert not wrong(await audits.recount(place))


async def test_a_repair_leaves_nothing_of_whom_a_later_event_takes_away(
    audits: CassandraAudits, likes: CassandraCounters, hand: CassandraHand, place: Place
) -> None:
    await hand.unlist(place, 1, 5)
    await likes.apply({place: marks([(5, False), (6, True)], since=6)})
    await audits.repair(place, RIGHT, {"5": 1, "6": 0})
    assert not wrong(await audits.recount(place))
    assert await listed(likes, place) == [(1_007, "6"), (1_003, "7")]
