"""Whom one sees in the feed, whatever is said at the same moment, late, or again."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from instastream import graph, profiles
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.events import (
    MediaReady,
    Record,
    UserBlocked,
    UserFollowed,
    UserJoined,
    UserUnfollowed,
)
from instastream.handlers.feeds import settle_edge
from instastream.ids import MediaId, PostId, UserId, compose
from tests.flow.conftest import Streams, join, post
from tests.flow.interleaving import Interleaver
from tests.flow.reader import feed

STEPS = 14  # store calls of the longest, and some
ADA, BOB = (UserId(compose(at_ms=1_795_000_000_000, worker=0, sequence=n)) for n in (1, 2))
Act = Callable[[UserId, UserId, Deps], Coroutine[Any, Any, Any]]


async def listed(deps: Deps, reader: UserId) -> list[PostId]:
    return await deps.feeds.read(reader) or []


@pytest.mark.parametrize(
    ("hide", "show"),
    [
        ([graph.unfollow], [graph.follow]),
        ([graph.mute], [graph.unmute]),
        ([graph.block], [graph.unblock, graph.follow]),
    ],
)
async def test_who_is_hidden_leaves_the_list_in_time_and_comes_back_with_all_posts(
    deps: Deps, streams: Streams, hide: list[Act], show: list[Act]
) -> None:
    author, other, reader = await join(deps, "author", "other", "reader")
    for followee in (author, other):
        await graph.follow(reader, followee, deps)
    posts = [(await post(deps, author)).post_id for _ in range(3)]
    kept = (await post(deps, other)).post_id
    await streams.run()
    assert await listed(deps, reader) == [kept, *posts[::-1]]
    for act in hide:
        await act(reader, author, deps)
    assert await feed(deps, reader) == [kept], "at once"
    await streams.run()
    assert await listed(deps, reader) == [kept]
    for act in show:
        await act(reader, author, deps)
    await streams.run()
    assert await listed(deps, reader) == await feed(deps, reader) == [kept, *posts[::-1]]


async def test_a_block_clears_both_lists(deps: Deps, streams: Streams) -> None:
    ada, bob = await join(deps, "ada", "bob")
    await graph.follow(ada, bob, deps)
    await graph.follow(bob, ada, deps)
    for author in (ada, bob):
        await post(deps, author)
    await streams.run()
    assert await listed(deps, ada)
    assert await listed(deps, bob)
    alone = UserBlocked(blocker_id=ada, blocked_id=bob, at_ms=deps.now_ms())
    await deps.log.append(alone)  # the follows have not ended yet
    await streams.run()
    assert await listed(deps, ada) == await listed(deps, bob) == []


async def test_what_a_private_account_posts_reaches_followers_it_let_in(
    deps: Deps, streams: Streams
) -> None:
    author, let_in, waiting = await join(deps, "author", "let_in", "waiting")
    await profiles.change(author, private=True, deps=deps)
    assert await graph.follow(let_in, author, deps) == "requested"
    assert await graph.follow(waiting, author, deps) == "requested"
    before = (await post(deps, author)).post_id
    await streams.run()
    await graph.approve(author, let_in, deps)
    after = (await post(deps, author)).post_id
    await streams.run()
    assert await feed(deps, let_in) == [after, before]
    assert await feed(deps, waiting) == await listed(deps, waiting) == []
    assert await deps.graph.followers_count(author) == 1


class World:
    """Ada and Bob, a warm list for each, and processes that take turns at stores."""

    def __init__(self, deps: Deps, made: list[Interleaver]) -> None:
        self.loop = Interleaver()
        made.append(self.loop)
        gate = self.loop.gated
        fresh = {name: type(getattr(deps, name))() for name in ("log", "users", "posts", "graph")}
        self.deps = replace(deps, feeds=type(deps.feeds)(), **fresh)
        self.gated = replace(
            self.deps,
            feeds=gate(self.deps.feeds),
            **{name: gate(store) for name, store in fresh.items()},
        )

    def advance(self, process: int, steps: int) -> None:
        """So many store calls of a process, or all that it still makes."""
        for _ in range(steps):
            if process in self.loop.waiting():
                self.loop.step(self.loop.waiting().index(process))

    def meet(
        self, one: Coroutine[Any, Any, Any], other: Coroutine[Any, Any, Any], *steps: int
    ) -> None:
        """The first is preempted after some steps, the second after some of its own."""
        processes = [self.loop.start(one), self.loop.start(other)]
        for turn, count in enumerate((*steps, 99, 99)):
            self.advance(processes[turn % 2], count)


def test_a_follow_that_meets_a_block_does_not_outlive_it(
    deps: Deps, made: list[Interleaver]
) -> None:
    for steps in product(range(STEPS), repeat=2):
        world = World(deps, made)
        asyncio.run(both_join(world.deps))
        world.meet(
            refusable(graph.follow(BOB, ADA, world.gated)),
            graph.block(ADA, BOB, world.gated),
            *steps,
        )
        assert not asyncio.run(world.deps.graph.relations(BOB)).following, steps


@pytest.mark.parametrize("last", [UserFollowed, UserUnfollowed])
def test_lists_are_as_the_last_event_has_it_whichever_handler_is_preempted(
    deps: Deps, made: list[Interleaver], last: type[UserFollowed | UserUnfollowed]
) -> None:
    first = UserUnfollowed if last is UserFollowed else UserFollowed
    for steps in product(range(STEPS), repeat=2):
        world = World(deps, made)
        ready = asyncio.run(a_ready_post(world.deps))
        handled = [
            settle_edge(
                Record(kind(follower_id=ADA, followee_id=BOB, at_ms=0), 0, offset), world.gated
            )
            for offset, kind in enumerate((first, last))
        ]
        world.meet(handled[0], handled[1], *steps)
        expected = [ready] if last is UserFollowed else []
        assert asyncio.run(listed(world.deps, ADA)) == expected, steps


async def both_join(deps: Deps) -> None:
    for user_id in (ADA, BOB):
        await deps.users.record_joined(UserJoined(user_id=user_id, username="x", at_ms=0))


async def a_ready_post(deps: Deps) -> PostId:
    """One of Bob's, in the list of Ada, as if she had followed him."""
    post_id = PostId(compose(at_ms=1_795_000_001_000, worker=0, sequence=0))
    media_id = MediaId("6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a")
    await deps.posts.record_ready(
        MediaReady(
            media_id=media_id, post_id=post_id, author_id=BOB, digest="", variants=[], at_ms=0
        )
    )
    await deps.feeds.open(ADA, ADA)
    await deps.feeds.fill(ADA, ADA, [post_id])
    return post_id


async def refusable(asked: Coroutine[Any, Any, Any]) -> None:
    with suppress(Rejected):
        await asked
