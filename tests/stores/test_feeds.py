"""The contract of Feeds, in memory, on one Redis and on a cluster."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instastream.ids import PostId, UserId
from instastream.limits import FANOUT_BATCH_LENGTH, FEED_LENGTH, FEED_SLACK
from instastream.settings import Settings
from instastream.stores.feeds import Feeds, FeedState
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.redis import open_redis
from instastream.stores.redis_feeds import RedisFeeds
from tests.conftest import IN_MEMORY
from tests.stores.ageing import Ageing, Clock, Stores
from tests.stores.conftest import new_id

TTL_S, LEASE_S = 2_000, 1_000
MANY = FEED_LENGTH + 3 * FEED_SLACK
any_order = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stores(server: Settings) -> AsyncIterator[Stores]:
    if server is IN_MEMORY:
        clock = Clock()
        ending = MemoryFeeds(now_s=lambda: clock.now_s, ttl_s=TTL_S, lease_s=LEASE_S)
        yield Stores(MemoryFeeds(), ending, clock.wait)
        return
    async with open_redis(server) as redis:
        ageing = Ageing(redis, f"{server.prefix}brief-")
        brief = RedisFeeds(redis, prefix=ageing.prefix, ttl_s=TTL_S, lease_s=LEASE_S)
        yield Stores(RedisFeeds(redis, prefix=server.prefix), brief, ageing.wait)


@pytest.fixture
def feeds(stores: Stores) -> Feeds:
    return stores.feeds


async def warm(feeds: Feeds, *post_ids: PostId) -> UserId:
    """A reader whose feed is rebuilt, with these ids."""
    reader = UserId(new_id())
    await feeds.open(reader, "a")
    await feeds.fill(reader, "a", list(post_ids))
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
    assert await feeds.open(user, "a")
    await feeds.push(post_ids[5], [user])
    assert await feeds.read(user) is None, "not before the rebuild has ended"
    assert await feeds.fill(user, "a", [post_ids[9], post_ids[1]])
    assert await feeds.read(user) == [post_ids[9], post_ids[5], post_ids[1]]


async def test_opening_a_warm_feed_changes_nothing(feeds: Feeds, post_ids: list[PostId]) -> None:
    reader = await warm(feeds, *post_ids)
    assert not await feeds.open(reader, "b")
    assert not await feeds.hold(reader, "b")
    assert not await feeds.fill(reader, "b", [])
    assert await feeds.read(reader) == post_ids[::-1]


async def test_of_two_rebuilds_the_first_is_enough(
    feeds: Feeds, user: UserId, post_ids: list[PostId]
) -> None:
    assert await feeds.open(user, "a")
    assert await feeds.open(user, "a"), "its answer may have been lost"
    assert not await feeds.open(user, "b")
    assert not await feeds.hold(user, "b")
    assert not await feeds.fill(user, "b", post_ids)
    assert await feeds.hold(user, "a")
    assert await feeds.fill(user, "a", post_ids[:1])
    assert not await feeds.fill(user, "a", post_ids), "it has ended"
    assert not await feeds.hold(user, "a")
    assert await feeds.read(user) == post_ids[:1]


async def test_a_rebuild_anew_takes_the_place_of_a_list_and_of_another_rebuild(
    feeds: Feeds, post_ids: list[PostId]
) -> None:
    reader = await warm(feeds, *post_ids[:3])
    assert await feeds.open(reader, "b", anew=True)
    assert await feeds.read(reader) is None
    await feeds.push(post_ids[4], [reader])
    assert await feeds.open(reader, "b", anew=True), "once more keeps what was pushed"
    assert await feeds.peek(reader) == FeedState([post_ids[4]], building=True)
    assert await feeds.open(reader, "c", anew=True)
    assert not await feeds.fill(reader, "b", post_ids)
    assert await feeds.fill(reader, "c", post_ids[5:7])
    assert await feeds.read(reader) == [post_ids[6], post_ids[5]]


async def test_a_rebuild_that_nobody_holds_is_over_after_its_lease(
    stores: Stores, post_ids: list[PostId]
) -> None:
    held, killed = UserId(new_id()), UserId(new_id())
    for reader in (held, killed):
        assert await stores.brief.open(reader, "a")
        await stores.brief.push(post_ids[5], [reader])
    for _ in range(3):
        await stores.wait(LEASE_S / 2)
        assert await stores.brief.hold(held, "a")
    assert await stores.brief.open(killed, "b"), "it is over"
    assert not await stores.brief.fill(killed, "a", post_ids)
    assert await stores.brief.fill(killed, "b", post_ids[:1])
    assert await stores.brief.read(killed) == post_ids[:1]
    assert await stores.brief.fill(held, "a", [])
    await stores.wait(LEASE_S)
    assert await stores.brief.read(held) == [post_ids[5]], "the lease is a rebuild's, not a list's"


async def test_a_look_at_a_list_changes_nothing(stores: Stores, post_ids: list[PostId]) -> None:
    reader = await warm(stores.brief, post_ids[1])
    for post_id in (post_ids[3], post_ids[2], post_ids[3]):
        await stores.brief.push(post_id, [reader])
    for _ in range(5):
        state = await stores.brief.peek(reader)
        assert state == FeedState(post_ids[3:0:-1], building=False)
        await stores.wait(TTL_S / 4.5)
    assert await stores.brief.peek(reader) is None, "its time went on"


async def test_everyone_who_has_a_list_is_found(feeds: Feeds, post_ids: list[PostId]) -> None:
    cold, opened = UserId(new_id()), UserId(new_id())
    listed = {await warm(feeds, *post_ids[:n]) for n in range(3)} | {opened}
    await feeds.open(opened, "a")
    found = {reader async for reader in feeds.readers()}
    assert listed <= found
    assert cold not in found


async def test_a_feed_that_is_lost_in_a_rebuild_stays_cold(
    feeds: Feeds, user: UserId, post_ids: list[PostId]
) -> None:
    assert not await feeds.fill(user, "a", post_ids)
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
    await feeds.open(reader, "a")
    await feeds.fill(reader, "a", ids[:filled])
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
        await stores.wait(TTL_S / 4)
        await stores.brief.push(post_id, [idle, active])
        assert await stores.brief.read(active), "reading keeps it"
    assert await stores.brief.read(idle) is None, "being pushed to does not"
    assert await stores.brief.read(active) == post_ids[4::-1]
    await stores.brief.push(post_ids[5], [idle])
    assert await stores.brief.read(idle) is None
    await stores.wait(TTL_S)
    await stores.brief.open(active, "b")
    assert await stores.brief.read(active) is None, "it is rebuilt from nothing"


@pytest.mark.parametrize("length", [FEED_LENGTH - 1, FEED_LENGTH, FEED_LENGTH + FEED_SLACK])
async def test_a_full_list_that_ids_are_taken_out_of_is_gone_until_it_is_made_anew(
    feeds: Feeds, length: int
) -> None:
    ids = [PostId(new_id()) for _ in range(length)]
    reader = await warm(feeds, *ids)
    await feeds.remove(reader, [PostId(new_id())])
    assert await feeds.read(reader) == ids[::-1][:FEED_LENGTH]
    await feeds.remove(reader, ids[-1:])
    kept = None if length >= FEED_LENGTH else ids[-2::-1]
    assert await feeds.read(reader) == kept
    assert await feeds.open(reader, "b") is (kept is None)


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
