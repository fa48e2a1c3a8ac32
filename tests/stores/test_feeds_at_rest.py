"""The machine of tests/flow/test_feeds.py, smaller, on the real Cassandra and Redis."""

from contextlib import AsyncExitStack
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as examples
from hypothesis.stateful import run_state_machine_as_test

from instastream.handlers import feeds
from instastream.ids import compose, minted_ms
from instastream.settings import Settings
from instastream.stores.cassandra.graph import CassandraGraph
from instastream.stores.cassandra.posts import CassandraPosts
from instastream.stores.cassandra.session import open_session
from instastream.stores.cassandra.users import CassandraUsers
from instastream.stores.redis import open_redis
from instastream.stores.redis_changes import RedisChanges
from instastream.stores.redis_counts import RedisCounts
from instastream.stores.redis_feeds import RedisFeeds
from tests.flow.feed_stores import Stores
from tests.flow.feed_world import World
from tests.flow.interleaving import Interleaver
from tests.flow.test_feeds import AnythingHappens
from tests.stores.conftest import BASE_MS

_worlds = count()


class Servers(Stores):
    """People, posts and keys that no other world has."""

    async def open(self, settings: Settings) -> None:
        world = next(_worlds)
        self._stack = AsyncExitStack()
        session = await self._stack.enter_async_context(open_session(settings))
        self._redis = await self._stack.enter_async_context(open_redis(settings))
        self._prefix = f"{settings.prefix}world{world}:"
        self.first = int(compose(at_ms=BASE_MS + 1_000 * world, worker=1, sequence=0))
        self.now_ms = minted_ms(str(self.first)) + 60_000
        self.users = CassandraUsers(session)
        self.posts = CassandraPosts(session)
        self.graph = CassandraGraph(session)
        self.feeds = self._lists = RedisFeeds(self._redis, prefix=self._prefix)
        counts = RedisCounts(self._redis, prefix=self._prefix)
        self.changes = RedisChanges(self._redis, self._lists, counts, prefix=self._prefix)

    async def flush(self) -> None:
        keys = [key async for key in self._redis.scan_iter(f"{self._prefix}*")]
        if keys:
            await self._redis.delete(*keys)

    async def pass_time(self) -> None:
        """As Redis does it, without waiting for it."""
        async for reader in self.feeds.readers():
            state = await self.feeds.peek(reader)
            if state and state.building:
                await self._redis.delete(self._lists.key(reader))

    async def close(self) -> None:
        await self.flush()
        await self._stack.aclose()


def test_every_feed_becomes_the_models(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class OnServers(AnythingHappens):
        def new_world(self) -> World:
            stores, interleaver = Servers(), Interleaver(servers=True)
            interleaver.run(stores.open(settings))
            return World(stores, interleaver)

    monkeypatch.setattr(feeds, "FANOUT_PAGE_LENGTH", 1)
    few = examples(
        max_examples=10,
        phases=[Phase.generate],
        stateful_step_count=30,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(OnServers, settings=few)
