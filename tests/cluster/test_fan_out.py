"""A fan-out to many is whole and in order, whatever happens to the worker in the middle of it."""

import asyncio
from collections.abc import Sequence

from bench.followers import add_followers, many_ids, open_feeds
from instastream.deps import now_ms
from instastream.ids import PostId, UserId
from instastream.stores.cassandra.session import open_session
from instastream.stores.redis import AnyRedis, open_redis
from instastream.stores.redis_feeds import RedisFeeds
from tests.cluster.conftest import WAIT_S, System, eventually, photo, post

FOLLOWERS = 50_000
READS_AT_ONCE = 50


async def read_all(feeds: RedisFeeds, readers: Sequence[UserId]) -> list[list[PostId] | None]:
    read: list[list[PostId] | None] = []
    for start in range(0, len(readers), READS_AT_ONCE):
        some = readers[start : start + READS_AT_ONCE]
        read += await asyncio.gather(*map(feeds.read, some))
    return read


async def how_many_have(
    redis: AnyRedis, feeds: RedisFeeds, post_id: str, readers: Sequence[UserId]
) -> int:
    """How many lists hold it, without reading them as readers do."""
    async with redis.pipeline(transaction=False) as pipeline:
        for reader in readers:
            pipeline.lpos(feeds.key(reader), post_id)
        return sum(place is not None for place in await pipeline.execute())


async def test_a_worker_that_is_killed_in_the_middle_leaves_no_list_without_the_post_or_with_two(
    system: System,
) -> None:
    author = await system.join("author")
    followers = [UserId(one) for one in many_ids(FOLLOWERS, at_ms=now_ms())]
    [before] = many_ids(1, at_ms=now_ms() - 1_000)
    async with open_session(system.settings) as session, open_redis(system.settings) as redis:
        feeds = RedisFeeds(redis, prefix=system.settings.prefix)
        await add_followers(session, UserId(author.user_id), followers)
        await open_feeds(redis, feeds, followers, [PostId(before)])
        [after] = many_ids(1, at_ms=now_ms() + 600_000)
        await feeds.push(PostId(after), followers[::2])  # what is posted next may come first
        post_id = (await post(author, photo()))["id"]
        sample = followers[::500]

        async def complete() -> bool:
            return await how_many_have(redis, feeds, post_id, followers) == FOLLOWERS

        async with asyncio.timeout(WAIT_S):
            while not await how_many_have(redis, feeds, post_id, sample):
                pass  # all lists are pushed to within half a second
        system.kill("feeds")
        reached = await how_many_have(redis, feeds, post_id, followers)
        await system.start("feeds")
        assert 0 < reached < FOLLOWERS, "killed too late to prove anything"
        await eventually(complete, "every list pushed to")
        expected = [[after, post_id, before], [post_id, before]]
        read = await read_all(feeds, followers)
        assert [feed for at, feed in enumerate(read) if feed != expected[at % 2]] == []
