"""Every contract runs on memory and on the real server."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import count

import msgspec
import pytest
import pytest_asyncio

from instastream.deps import Deps, memory_deps, open_deps
from instastream.ids import PostId, UserId, compose
from instastream.images.pool import RenderPool
from instastream.settings import Settings
from instastream.stores.cassandra.session import Session, open_session
from instastream.stores.memory_counters import MemoryCounters
from tests.conftest import IN_MEMORY
from tests.stores import load_topics
from tests.stores.counter_breaking import CassandraHand, Hand, MemoryHand
from tests.stores.redis_cluster import running_cluster

BASE_MS = 1_795_000_000_000  # some day in 2026
_minted = count()


@pytest.fixture(scope="session", params=["memory", "real"])
def opening(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[Deps]:
    if request.param == "memory":
        return memory_deps(IN_MEMORY, RenderPool())
    return open_deps(request.getfixturevalue("settings"))


@pytest_asyncio.fixture(scope="session")
async def deps(opening: AbstractAsyncContextManager[Deps]) -> AsyncIterator[Deps]:
    """The stores of one backend; every test makes ids of its own."""
    async with opening as deps:
        yield deps


@pytest_asyncio.fixture(scope="session")
async def hand(deps: Deps, request: pytest.FixtureRequest) -> AsyncIterator[Hand]:
    """What breaks the counters of likes in the stores of `deps`."""
    if isinstance(deps.likes, MemoryCounters):
        yield MemoryHand(deps.likes)
        return
    async with open_session(request.getfixturevalue("settings")) as session:
        yield CassandraHand(session)


@pytest_asyncio.fixture
async def session(settings: Settings) -> AsyncIterator[Session]:
    """Cassandra, asked in its own words."""
    async with open_session(settings) as session:
        yield session


def new_id(*, at_ms: int = BASE_MS) -> str:
    """An id that no other test has."""
    minted = next(_minted)
    return compose(at_ms=at_ms + minted // 4096, worker=0, sequence=minted % 4096)


@pytest.fixture(scope="module", params=["memory", "redis", "cluster"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Where Redis is; no server where it is IN_MEMORY."""
    match request.param:
        case "cluster":
            with running_cluster(tmp_path_factory.mktemp("cluster")) as url:
                yield msgspec.structs.replace(IN_MEMORY, redis=url)
        case "redis":
            yield request.getfixturevalue("settings")
        case _:
            yield IN_MEMORY


@pytest.fixture
def user() -> UserId:
    return UserId(new_id())


@pytest.fixture
def post_ids() -> list[PostId]:
    """Ten ids, ascending."""
    return [PostId(new_id()) for _ in range(10)]


@pytest_asyncio.fixture(scope="session")
async def streamed(settings: Settings) -> Settings:
    """A namespace into which the plan was streamed."""
    fresh = await load_topics.empty(settings)
    await load_topics.stream(fresh)
    return fresh
