"""The contract of Graph: edges and walls, and the lists and counts of them."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import permutations
from typing import Any

import pytest

from instastream.deps import Deps
from instastream.events import (
    FollowApproved,
    FollowDenied,
    FollowRequested,
    Record,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from instastream.follows import EdgeEvent
from instastream.ids import UserId
from instastream.relations import Relations, WallEvent, WallKind, edge_of, wall_of
from instastream.stores.graph import FOLLOWER_BUCKETS
from tests.stores.conftest import new_id

WALL_KINDS: tuple[WallKind, ...] = ("blocks", "mutes")
Page = Callable[[str], Awaitable[list[UserId]]]


def a_user() -> UserId:
    return UserId(new_id())


async def follow(deps: Deps, follower: UserId, followee: UserId, offset: int = 0) -> None:
    await tell(deps, UserFollowed(follower_id=follower, followee_id=followee, at_ms=0), offset)


async def unfollow(deps: Deps, follower: UserId, followee: UserId, offset: int) -> None:
    await tell(deps, UserUnfollowed(follower_id=follower, followee_id=followee, at_ms=0), offset)


async def tell(deps: Deps, event: EdgeEvent, offset: int, *, epoch: int = 0) -> None:
    await deps.graph.record_edge(edge_of(Record(event, 0, offset), epoch=epoch))


async def request(deps: Deps, follower: UserId, followee: UserId, offset: int) -> None:
    await tell(deps, FollowRequested(follower_id=follower, followee_id=followee, at_ms=0), offset)


async def wall(deps: Deps, event: WallEvent, offset: int, *, epoch: int = 0) -> None:
    await deps.graph.record_wall(wall_of(Record(event, 0, offset), epoch=epoch))


async def following(deps: Deps, follower: UserId, followee: UserId) -> str:
    """The state of an edge, which both of its ends tell alike."""
    edge = await deps.graph.edge(follower_id=follower, followee_id=followee)
    state = edge.state if edge else "none"
    relations = await deps.graph.relations(follower, among={followee})
    assert relations.following == ({followee} if state == "follows" else set())
    assert relations.requested == ({followee} if state == "requested" else set())
    assert (follower in await deps.graph.followers(followee)) == (state == "follows")
    waiting = await deps.graph.requests_page(followee, after="", limit=99)
    assert (follower in waiting) == (state == "requested")
    return state


async def pages(page: Page) -> list[UserId]:
    """Everything in a list, page by page."""
    seen: list[UserId] = []
    after = ""
    while users := await page(after):
        seen += users
        after = users[-1]
    assert seen == sorted(set(seen)), "ascending, and nobody twice"
    return seen


async def test_the_event_with_the_largest_offset_decides_in_whatever_order(deps: Deps) -> None:
    async def check(order: tuple[int, ...], last_is_follow: bool) -> None:
        follower, followee = a_user(), a_user()
        for offset in (*order, order[0]):
            act = follow if (offset % 2 == 0) == last_is_follow else unfollow
            await act(deps, follower, followee, offset)
        expected = 1 if last_is_follow else 0
        assert await following(deps, follower, followee) == ("none", "follows")[expected]
        assert await deps.graph.followers_count(followee) == expected
        assert await deps.graph.followees_count(follower) == expected

    orders = list(permutations(range(3)))
    await asyncio.gather(*(check(order, last) for order in orders for last in (True, False)))


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ([(FollowRequested, 0)], "requested"),
        ([(FollowRequested, 0), (FollowApproved, 0)], "follows"),
        ([(FollowRequested, 0), (FollowDenied, 0)], "none"),
        ([(FollowRequested, 0), (FollowApproved, 0), (FollowDenied, 0)], "none"),
        ([(FollowRequested, 0), (UserUnfollowed, 1), (FollowApproved, 0)], "none"),
        ([(FollowRequested, 0), (FollowDenied, 0), (FollowRequested, 1)], "requested"),
        ([(FollowRequested, 0), (FollowApproved, 0), (UserUnfollowed, 1)], "none"),
        ([(FollowRequested, 0), (UserFollowed, 1), (FollowDenied, 0)], "follows"),
    ],
)
async def test_an_answer_is_to_its_request_and_to_nothing_that_was_said_later(
    deps: Deps, said: list[tuple[type[EdgeEvent], int]], state: str
) -> None:
    """`said` names each event and its offset, or that of the request it answers."""

    async def check(order: tuple[tuple[type[EdgeEvent], int], ...]) -> None:
        follower, followee = a_user(), a_user()
        for kind, offset in (*order, order[0]):
            answers = kind in (FollowApproved, FollowDenied)
            fields = {"request": offset} if answers else {}
            event = kind(follower_id=follower, followee_id=followee, at_ms=0, **fields)
            await tell(deps, event, 99 if answers else offset)
        assert await following(deps, follower, followee) == state
        assert await deps.graph.followers_count(followee) == (state == "follows")

    await asyncio.gather(*(check(order) for order in permutations(said)))


async def test_what_is_said_in_a_topic_made_anew_is_later_though_its_offsets_are_not(
    deps: Deps,
) -> None:
    follower, followee = a_user(), a_user()
    edge: dict[str, Any] = {"follower_id": follower, "followee_id": followee, "at_ms": 0}
    for _ in range(2):  # the old one is told again
        await tell(deps, UserFollowed(**edge), 1_000)
        await tell(deps, UserUnfollowed(**edge), 0, epoch=1)
    assert await following(deps, follower, followee) == "none"
    await tell(deps, FollowRequested(**edge), 3, epoch=1)
    asked = await deps.graph.edge(follower_id=follower, followee_id=followee)
    assert asked
    await tell(deps, FollowApproved(**edge, request=asked.place), 5, epoch=1)
    assert await following(deps, follower, followee) == "follows"
    await tell(deps, UserUnfollowed(**edge), 4, epoch=1)
    assert await following(deps, follower, followee) == "none", "said before it was answered"


@pytest.mark.parametrize(("answer", "state"), [(FollowApproved, "follows"), (FollowDenied, "none")])
@pytest.mark.parametrize("request_in_new_topic", [2, 2_000])
async def test_an_answer_that_is_told_again_in_a_topic_made_anew_answers_its_request(
    deps: Deps, answer: type[FollowApproved | FollowDenied], state: str, request_in_new_topic: int
) -> None:
    """It names a place in the old topic, and stands behind its request in the new one, too."""
    follower, followee = a_user(), a_user()
    edge: dict[str, Any] = {"follower_id": follower, "followee_id": followee, "at_ms": 0}
    said = FollowRequested(**edge), answer(**edge, request=1_000)
    for epoch, at in ((0, 1_000), (1, request_in_new_topic)):
        for offset, event in enumerate(said, at):
            await tell(deps, event, offset, epoch=epoch)
        assert await following(deps, follower, followee) == state
    await tell(deps, UserUnfollowed(**edge), request_in_new_topic + 2, epoch=1)
    assert await following(deps, follower, followee) == "none"


async def test_an_edge_has_a_direction(deps: Deps) -> None:
    follower, followee = a_user(), a_user()
    await follow(deps, follower, followee)
    assert sorted((await deps.graph.relations(follower)).following) == [followee]
    assert sorted((await deps.graph.relations(followee)).following) == []
    assert await deps.graph.relations(followee) == Relations()
    assert await deps.graph.relations(followee, among={follower}) == Relations()
    assert await deps.graph.relations(follower, among=set()) == Relations()


async def test_pages_of_all_buckets_hold_every_follower_once(deps: Deps) -> None:
    author = a_user()
    followers = [a_user() for _ in range(100)]
    random.Random(1).shuffle(followers)
    await asyncio.gather(*(follow(deps, follower, author) for follower in followers))
    gone, *stayed = followers
    await unfollow(deps, gone, author, offset=1)
    seen: list[UserId] = []
    for bucket in range(FOLLOWER_BUCKETS):
        seen += await pages(
            lambda after, bucket=bucket: deps.graph.followers_in(  # type: ignore[misc]
                author, bucket=bucket, after=after, limit=3
            )
        )
    assert sorted(seen) == sorted(stayed)
    assert sorted(await deps.graph.followers(author)) == sorted(stayed)
    assert await deps.graph.followers_count(author) == 99


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_of_lists_hold_everyone_who_is_in_them(deps: Deps, limit: int) -> None:
    author, others = a_user(), [a_user() for _ in range(10)]
    for offset, other in enumerate(others):
        await follow(deps, author, other, offset)
        await follow(deps, other, author)
        if offset % 2:
            await unfollow(deps, author, other, offset + 10)
            await unfollow(deps, other, author, 1)

    async def followees(after: str) -> list[UserId]:
        return await deps.graph.followees_page(author, after=after, limit=limit)

    async def followers(after: str) -> list[UserId]:
        return await deps.graph.followers_page(author, after=after, limit=limit)

    assert (
        await pages(followees)
        == others[::2]
        == sorted((await deps.graph.relations(author)).following)
    )
    assert await pages(followers) == others[::2]
    assert await deps.graph.followees_count(author) == 5


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_requests_list_those_who_still_wait(deps: Deps, limit: int) -> None:
    author, others = a_user(), [a_user() for _ in range(6)]
    for offset, other in enumerate(others):
        await request(deps, other, author, offset)
    await unfollow(deps, others[0], author, 10)
    await follow(deps, others[1], author, 10)
    await tell(
        deps, FollowDenied(follower_id=others[3], followee_id=author, request=3, at_ms=0), 10
    )
    for _ in range(2):
        seen = await pages(lambda after: deps.graph.requests_page(author, after=after, limit=limit))
        assert seen == [others[2], others[4], others[5]]


async def test_a_block_is_known_on_both_sides_and_a_mute_to_one_alone(deps: Deps) -> None:
    ada, bob = a_user(), a_user()
    await wall(deps, UserBlocked(blocker_id=ada, blocked_id=bob, at_ms=0), 0)
    await wall(deps, UserMuted(muter_id=ada, muted_id=bob, at_ms=0), 1)
    for among in (None, {ada, bob}):
        of_ada = await deps.graph.relations(ada, among=among)
        of_bob = await deps.graph.relations(bob, among=among)
        assert of_ada == Relations(blocks=frozenset({bob}), mutes=frozenset({bob}))
        assert of_bob == Relations(blocked_by=frozenset({ada}))
    for kind in WALL_KINDS:
        assert await deps.graph.walls_page(ada, kind, after="", limit=9) == [bob]
        assert await deps.graph.walls_page(ada, kind, after=bob, limit=9) == []
        assert await deps.graph.walls_page(bob, kind, after="", limit=9) == []


async def test_the_last_word_on_a_wall_decides_in_whatever_order(deps: Deps) -> None:
    for order in permutations(range(3)):
        ada, bob = a_user(), a_user()
        blocks = (UserBlocked, UserUnblocked, UserBlocked)
        mutes = (UserUnmuted, UserMuted, UserUnmuted)
        for offset in (*order, order[0]):
            await wall(deps, blocks[offset](blocker_id=ada, blocked_id=bob, at_ms=0), offset)
            await wall(deps, mutes[offset](muter_id=ada, muted_id=bob, at_ms=0), offset)
        assert (await deps.graph.relations(ada)).blocks == {bob}
        assert (await deps.graph.relations(bob)).blocked_by == {ada}
        assert (await deps.graph.relations(ada)).mutes == set()


async def test_a_wall_of_a_topic_made_anew_is_later_though_its_offset_is_not(deps: Deps) -> None:
    ada, bob = a_user(), a_user()
    for _ in range(2):
        await wall(deps, UserUnblocked(blocker_id=ada, blocked_id=bob, at_ms=0), 1_000)
        await wall(deps, UserBlocked(blocker_id=ada, blocked_id=bob, at_ms=0), 0, epoch=1)
    assert (await deps.graph.relations(ada)).blocks == {bob}
    assert (await deps.graph.relations(bob)).blocked_by == {ada}


async def test_each_may_block_the_other(deps: Deps) -> None:
    ada, bob = a_user(), a_user()
    for offset, (one, other) in enumerate(((ada, bob), (bob, ada))):
        await wall(deps, UserBlocked(blocker_id=one, blocked_id=other, at_ms=0), offset)
    await wall(deps, UserUnblocked(blocker_id=ada, blocked_id=bob, at_ms=0), 2)
    assert await deps.graph.relations(ada) == Relations(blocked_by=frozenset({bob}))
    assert await deps.graph.relations(bob) == Relations(blocks=frozenset({ada}))
