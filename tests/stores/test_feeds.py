"""The contract of Feeds, in memory, on one Redis and on a cluster."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instastream.ids import PostId, UserId
from instastream.limits import FANOUT_BATCH_LENGTH, FEED_LENGTH, FEED_SLACK
from instastream.settings import Settings
from instastream.stores.feeds import Feeds
from instastream.stores.memory import MemoryFeeds
from instastream.stores.redis import open_redis
from instastream.stores.redis_feeds import RedisFeeds
from tests.conftest import IN_MEMORY
from tests.stores.conftest import new_id
from tests.stores.redis_cluster import running_cluster

TTL_S = 2
MANY = FEED_LENGTH + 3 * FEED_SLACK
any_order = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Stores:
    """Two views of one backend: lists that live as long as they do, and some that soon end."""

    feeds: Feeds
    brief: Feeds


@pytest.fixture(scope="module", params=["memory", "redis", "cluster"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Where the feeds are."""
    match request.param:
        case "cluster":
            with running_cluster(tmp_path_factory.mktemp("cluster")) as url:
                yield msgspec.structs.replace(IN_MEMORY, redis=url)
        case "redis":
            yield request.getfixturevalue("settings")
        case _:
            yield IN_MEMORY


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stores(server: Settings) -> AsyncIterator[Stores]:
    if server is IN_MEMORY:
        yield Stores(MemoryFeeds(), MemoryFeeds(ttl_s=TTL_S))
        return
    async with open_redis(server) as redis:
        prefix = server.prefix
        yield Stores(
            RedisFeeds(redis, prefix=prefix), RedisFeeds(redis, prefix=prefix, ttl_s=TTL_S)
        )


@pytest.fixture
def feeds(stores: Stores) -> Feeds:
    return stores.feeds


async def warm(feeds: Feeds, *post_ids: PostId) -> UserId:
    """A reader whose feed is rebuilt, with these ids."""
    reader = UserId(new_id())
    await feeds.open(reader)
    await feeds.fill(reader, list(post_ids))
    return reader


async def test_nothing_is_pushed_to_a_cold_reader(
    feeds: Feeds, user: UserId, post_ids: list[PostId]
) -> None:
    await feeds.push(post_ids[0], [user])
    await feeds.insert(user, post_ids)
    assert await feeds.read(user) is None


async def test_a_warm_feed_may_be_empty(feeds: Feeds) -> None:
    assert await feeds.read(await warm(feeds)) == []


async def test_a_push_to_nobody_is_no_trouble(feeds: Feeds, post_ids: list[PostId]) -> None:
    await feeds.push(post_ids[0], [])
    reader = await warm(feeds)
    await feeds.insert(reader, [])
    assert await feeds.read(reader) == []


async def test_a_rebuild_keeps_what_is_pushed_meanwhile(
    feeds: Feeds, user: UserId, post_ids: list[PostId]
) -> None:
    await feeds.open(user)
    await feeds.push(post_ids[5], [user])
    assert await feeds.read(user) is None, "not before the rebuild has ended"
    await feeds.open(user)  # another process rebuilds too
    await feeds.fill(user, [post_ids[9], post_ids[1]])
    assert await feeds.read(user) == [post_ids[9], post_ids[5], post_ids[1]]


async def test_opening_a_warm_feed_changes_nothing(feeds: Feeds, post_ids: list[PostId]) -> None:
    reader = await warm(feeds, *post_ids)
    await feeds.open(reader)
    assert await feeds.read(reader) == post_ids[::-1]


async def test_a_feed_that_is_lost_in_a_rebuild_stays_cold(
    feeds: Feeds, user: UserId, post_ids: list[PostId]
) -> None:
    await feeds.fill(user, post_ids)
    assert await feeds.read(user) is None


positions = st.integers(0, MANY - 1)
steps = st.one_of(
    st.tuples(st.just("push"), st.lists(positions, min_size=1, max_size=1)),
    st.tuples(st.just("insert"), st.lists(positions, min_size=1, max_size=20)),
    st.tuples(st.just("read"), st.just([])),
    st.tuples(  # so many that the list is trimmed, in order or not
        st.just("push"),
        st.builds(
            lambda first, count, order: order(range(first, min(first + count, MANY))),
            positions,
            st.integers(1, FEED_LENGTH // 2),
            st.sampled_from([list, lambda ids: list(reversed(ids))]),
        ),
    ),
)


@any_order
@given(
    filled=st.integers(0, FEED_LENGTH),
    done=st.lists(steps, max_size=12),
)
async def test_whatever_comes_late_again_or_in_any_order_a_reader_sees_the_newest_once_each(
    feeds: Feeds, filled: int, done: list[tuple[str, list[int]]]
) -> None:
    ids = [PostId(new_id()) for _ in range(MANY)]
    reader, seen = UserId(new_id()), set(ids[:filled])
    await feeds.open(reader)
    await feeds.fill(reader, ids[:filled])
    for step, numbers in done:
        if step == "push":
            for number in numbers:
                await feeds.push(ids[number], [reader])
        elif step == "insert":
            await feeds.insert(reader, [ids[number] for number in numbers])
        else:
            assert await feeds.read(reader) == newest(seen)
        seen |= {ids[number] for number in numbers}
    assert await feeds.read(reader) == newest(seen)
    assert await feeds.read(reader) == newest(seen), "reading changes nothing"


def newest(ids: set[PostId]) -> list[PostId]:
    return sorted(ids, reverse=True)[:FEED_LENGTH]


async def test_a_feed_keeps_the_newest(feeds: Feeds) -> None:
    ids = [PostId(new_id()) for _ in range(FEED_LENGTH + FEED_SLACK + 2)]
    reader = await warm(feeds, *ids[:FEED_LENGTH])
    assert await feeds.read(reader) == ids[:FEED_LENGTH][::-1]
    for post_id in ids[FEED_LENGTH:]:
        await feeds.push(post_id, [reader])
        feed = await feeds.read(reader)
        assert feed is not None
        assert len(feed) == FEED_LENGTH
        assert feed[0] == post_id
    assert feed == ids[-FEED_LENGTH:][::-1]
    await feeds.push(ids[0], [reader])  # too old by now
    assert (await feeds.read(reader)) == feed


async def test_old_posts_that_are_pushed_again_do_not_push_out_newer_ones(feeds: Feeds) -> None:
    ids = [PostId(new_id()) for _ in range(FEED_LENGTH)]
    reader = await warm(feeds, *ids)
    for _ in range(2):
        for post_id in ids[: FEED_SLACK * 2]:
            await feeds.push(post_id, [reader])
    assert await feeds.read(reader) == ids[::-1]


async def test_one_push_reaches_every_warm_reader_of_many_batches(feeds: Feeds) -> None:
    post_id = PostId(new_id())
    warmed = [await warm(feeds) for _ in range(FANOUT_BATCH_LENGTH + 1)]
    cold = UserId(new_id())
    await feeds.push(post_id, [cold, *warmed])
    assert [await feeds.read(reader) for reader in warmed] == [[post_id]] * len(warmed)
    assert await feeds.read(cold) is None


async def test_a_feed_that_nobody_reads_is_gone_and_is_pushed_nothing(
    stores: Stores, post_ids: list[PostId]
) -> None:
    idle, active = await warm(stores.brief), await warm(stores.brief)
    for post_id in post_ids[:5]:
        await asyncio.sleep(TTL_S / 4)
        await stores.brief.push(post_id, [idle, active])
        assert await stores.brief.read(active), "reading keeps it"
    assert await stores.brief.read(idle) is None, "being pushed to does not"
    assert await stores.brief.read(active) == post_ids[4::-1]
    await stores.brief.push(post_ids[5], [idle])
    assert await stores.brief.read(idle) is None
    await asyncio.sleep(TTL_S)
    await stores.brief.open(active)
    assert await stores.brief.read(active) is None, "it is rebuilt from nothing"


async def test_ids_that_are_taken_out_leave_the_others(
    feeds: Feeds, user: UserId, post_ids: list[PostId]
) -> None:
    reader = await warm(feeds, *post_ids)
    for _ in range(2):
        await feeds.remove(reader, [post_ids[0], post_ids[4], post_ids[9]])
        kept = [*post_ids[1:4], *post_ids[5:9]]
        assert await feeds.read(reader) == kept[::-1]
    await feeds.push(post_ids[4], [reader])
    assert await feeds.read(reader) == post_ids[8:0:-1]
    await feeds.remove(reader, post_ids)
    assert await feeds.read(reader) == [], "and it is still warm"
    await feeds.remove(user, post_ids)
    assert await feeds.read(user) is None, "who is cold stays so"
