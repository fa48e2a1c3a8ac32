"""The contract of Graph."""

import random
from itertools import permutations

from instastream.deps import Deps
from instastream.ids import UserId
from instastream.stores.graph import FOLLOWER_BUCKETS
from tests.stores.conftest import new_id


async def follow(deps: Deps, follower: UserId, followee: UserId, offset: int = 0) -> None:
    await deps.graph.record_followed(follower_id=follower, followee_id=followee, offset=offset)


async def unfollow(deps: Deps, follower: UserId, followee: UserId, offset: int) -> None:
    await deps.graph.record_unfollowed(follower_id=follower, followee_id=followee, offset=offset)


async def test_the_event_with_the_largest_offset_decides_in_whatever_order(deps: Deps) -> None:
    for last_is_follow in (True, False):
        for order in permutations(range(3)):
            follower, followee = UserId(new_id()), UserId(new_id())
            for offset in (*order, order[0]):
                act = follow if (offset % 2 == 0) == last_is_follow else unfollow
                await act(deps, follower, followee, offset)
            expected = {followee} if last_is_follow else set()
            assert await deps.graph.followed(follower, {followee}) == expected
            assert await deps.graph.followers(followee, limit=9) == [follower][: len(expected)]


async def test_an_edge_has_a_direction(deps: Deps) -> None:
    follower, followee = UserId(new_id()), UserId(new_id())
    await follow(deps, follower, followee)
    assert await deps.graph.followees(follower) == [followee]
    assert await deps.graph.followees(followee) == []
    assert await deps.graph.followed(followee, {follower}) == set()
    assert await deps.graph.followed(follower, set()) == set()


async def test_pages_of_all_buckets_hold_every_follower_once(deps: Deps) -> None:
    author = UserId(new_id())
    followers = [UserId(new_id()) for _ in range(100)]
    random.Random(1).shuffle(followers)
    for follower in followers:
        await follow(deps, follower, author)
    seen: list[UserId] = []
    for bucket in range(FOLLOWER_BUCKETS):
        after = ""
        while page := await deps.graph.followers_in(author, bucket=bucket, after=after, limit=3):
            assert page == sorted(page)
            seen += page
            after = page[-1]
    assert sorted(seen) == sorted(followers)
    assert len(await deps.graph.followers(author, limit=99)) == 99
    assert sorted(await deps.graph.followers(author, limit=101)) == sorted(followers)
