"""The contract of Leases: no two processes ever mint for one worker at one time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import pytest_asyncio

from instastream.errors import Unavailable
from instastream.ids import Lease
from instastream.settings import Settings
from instastream.stores.cassandra.leases import CassandraLeases
from instastream.stores.cassandra.session import open_session
from instastream.stores.leases import Leases
from instastream.stores.memory import MemoryLeases

NOW_MS = 4_000_000_000_000  # in 2096: whatever else runs beside the tests leases until today
MINUTE_MS = 60_000
WORKERS = 8


@asynccontextmanager
async def in_memory() -> AsyncIterator[Leases]:
    yield MemoryLeases(workers=WORKERS)


@asynccontextmanager
async def on_cassandra(settings: Settings) -> AsyncIterator[Leases]:
    async with open_session(settings) as session:
        yield CassandraLeases(session, workers=WORKERS)


@pytest.fixture(scope="session", params=["memory", "real"])
def opening(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Leases]:
    if request.param == "memory":
        return in_memory()
    return on_cassandra(request.getfixturevalue("settings"))


@pytest_asyncio.fixture(scope="session")
async def leases(opening: AbstractAsyncContextManager[Leases]) -> AsyncIterator[Leases]:
    async with opening as leases:
        yield leases


async def take_all(leases: Leases, *, now_ms: int) -> list[Lease]:
    """Every worker, for a minute."""
    return await asyncio.gather(
        *(leases.acquire(now_ms=now_ms, until_ms=now_ms + MINUTE_MS) for _ in range(WORKERS))
    )


async def test_a_worker_has_one_holder_and_all_may_be_held(leases: Leases) -> None:
    taken = await take_all(leases, now_ms=NOW_MS)
    assert {lease.worker for lease in taken} == set(range(WORKERS))
    with pytest.raises(Unavailable, match="8 worker numbers"):
        await leases.acquire(now_ms=NOW_MS + MINUTE_MS - 1, until_ms=NOW_MS + MINUTE_MS)


async def test_a_lease_that_ran_out_is_extended_unless_another_has_the_worker(
    leases: Leases,
) -> None:
    now_ms = NOW_MS + 10 * MINUTE_MS
    mine, other, *_ = await take_all(leases, now_ms=now_ms)
    longer = await leases.extend(mine, until_ms=now_ms + 3 * MINUTE_MS)
    assert longer == Lease(mine.worker, mine.end_ms, now_ms + 3 * MINUTE_MS)
    assert await leases.extend(mine, until_ms=now_ms + 4 * MINUTE_MS) is None
    again = await leases.acquire(now_ms=other.end_ms, until_ms=now_ms + 5 * MINUTE_MS)
    assert again.start_ms >= other.end_ms
    assert again.worker != mine.worker


async def test_a_released_worker_is_free_from_where_its_ids_end(leases: Leases) -> None:
    now_ms = NOW_MS + 20 * MINUTE_MS
    mine, *_ = await take_all(leases, now_ms=now_ms)
    await leases.release(mine, at_ms=now_ms + 5)
    with pytest.raises(Unavailable):
        await leases.acquire(now_ms=now_ms + 4, until_ms=now_ms + MINUTE_MS)
    theirs = await leases.acquire(now_ms=now_ms + 5, until_ms=now_ms + 2 * MINUTE_MS)
    assert theirs == Lease(mine.worker, now_ms + 5, now_ms + 2 * MINUTE_MS)
    await leases.release(mine, at_ms=0)  # too late: it is another's by now
    assert await leases.extend(theirs, until_ms=now_ms + 3 * MINUTE_MS) is not None
