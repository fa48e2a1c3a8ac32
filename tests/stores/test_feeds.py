"""The contract of Feeds."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instastream.deps import Deps
from instastream.ids import PostId, UserId
from instastream.limits import FANOUT_BATCH_LENGTH, FEED_LENGTH, FEED_SLACK
from tests.stores.conftest import new_id


async def warm(deps: Deps, *post_ids: PostId) -> UserId:
    """A reader whose feed is rebuilt, with these ids."""
    reader = UserId(new_id())
    await deps.feeds.open(reader)
    await deps.feeds.fill(reader, list(post_ids))
    return reader


async def test_nothing_is_pushed_to_a_cold_reader(
    deps: Deps, user: UserId, post_ids: list[PostId]
) -> None:
    await deps.feeds.push(post_ids[0], [user])
    assert await deps.feeds.read(user) is None


async def test_a_warm_feed_may_be_empty(deps: Deps) -> None:
    assert await deps.feeds.read(await warm(deps)) == []


async def test_a_rebuild_keeps_what_is_pushed_meanwhile(
    deps: Deps, user: UserId, post_ids: list[PostId]
) -> None:
    await deps.feeds.open(user)
    await deps.feeds.push(post_ids[5], [user])
    assert await deps.feeds.read(user) is None, "not before the rebuild has ended"
    await deps.feeds.open(user)  # another process rebuilds too
    await deps.feeds.fill(user, [post_ids[9], post_ids[1]])
    assert await deps.feeds.read(user) == [post_ids[9], post_ids[5], post_ids[1]]


async def test_opening_a_warm_feed_changes_nothing(deps: Deps, post_ids: list[PostId]) -> None:
    reader = await warm(deps, *post_ids)
    await deps.feeds.open(reader)
    assert await deps.feeds.read(reader) == post_ids[::-1]


async def test_a_feed_that_is_lost_in_a_rebuild_stays_cold(
    deps: Deps, user: UserId, post_ids: list[PostId]
) -> None:
    await deps.feeds.fill(user, post_ids)
    assert await deps.feeds.read(user) is None


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pushed=st.lists(st.integers(0, 9)), filled=st.lists(st.integers(0, 9)))
async def test_pushes_in_any_order_and_repeated_leave_one_descending_list(
    deps: Deps, post_ids: list[PostId], pushed: list[int], filled: list[int]
) -> None:
    reader = await warm(deps, *{post_ids[n] for n in filled})
    for n in pushed:
        await deps.feeds.push(post_ids[n], [reader])
    expected = sorted({post_ids[n] for n in (*pushed, *filled)}, reverse=True)
    assert await deps.feeds.read(reader) == expected


async def test_a_feed_keeps_the_newest(deps: Deps) -> None:
    ids = [PostId(new_id()) for _ in range(FEED_LENGTH + FEED_SLACK + 2)]
    reader = await warm(deps, *ids[:FEED_LENGTH])
    assert await deps.feeds.read(reader) == ids[:FEED_LENGTH][::-1]
    for post_id in ids[FEED_LENGTH:]:
        await deps.feeds.push(post_id, [reader])
        feed = await deps.feeds.read(reader)
        assert feed is not None
        assert len(feed) == FEED_LENGTH
        assert feed[0] == post_id
    assert feed == ids[-FEED_LENGTH:][::-1]
    await deps.feeds.push(ids[0], [reader])  # too old by now
    assert (await deps.feeds.read(reader)) == feed


async def test_one_push_reaches_every_warm_reader_of_many_batches(deps: Deps) -> None:
    post_id = PostId(new_id())
    warmed = [await warm(deps) for _ in range(FANOUT_BATCH_LENGTH + 1)]
    cold = UserId(new_id())
    await deps.feeds.push(post_id, [cold, *warmed])
    assert [await deps.feeds.read(reader) for reader in warmed] == [[post_id]] * len(warmed)
    assert await deps.feeds.read(cold) is None


async def test_ids_that_are_taken_out_leave_the_others(
    deps: Deps, user: UserId, post_ids: list[PostId]
) -> None:
    reader = await warm(deps, *post_ids)
    for _ in range(2):
        await deps.feeds.remove(reader, [post_ids[0], post_ids[4], post_ids[9]])
        kept = [*post_ids[1:4], *post_ids[5:9]]
        assert await deps.feeds.read(reader) == kept[::-1]
    await deps.feeds.push(post_ids[4], [reader])
    assert await deps.feeds.read(reader) == post_ids[8:0:-1]
    await deps.feeds.remove(reader, post_ids)
    assert await deps.feeds.read(reader) == [], "and it is still warm"
    await deps.feeds.remove(user, post_ids)
    assert await deps.feeds.read(user) is None, "who is cold stays so"
