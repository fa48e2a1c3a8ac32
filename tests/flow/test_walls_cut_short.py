"""Nobody follows whom they were blocked by, wherever the block stopped; an approval lasts."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import product
from typing import Any

import pytest

from instastream import graph, profiles
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.events import Event, Record, UserFollowed, UserUnfollowed
from instastream.handlers.graph import GRAPH
from instastream.ids import UserId
from tests.flow.interleaving import Interleaver
from tests.flow.test_relations import ADA, BOB, STEPS, World, both_join

Act = Callable[[UserId, UserId, Deps], Coroutine[Any, Any, Any]]


async def both_follow(deps: Deps) -> None:
    await both_join(deps)
    await graph.follow(ADA, BOB, deps)
    await graph.follow(BOB, ADA, deps)


async def bob_asks(deps: Deps) -> None:
    await both_join(deps)
    await profiles.change(ADA, private=True, deps=deps)
    assert await graph.follow(BOB, ADA, deps) == "requested"


async def catch_up(deps: Deps) -> None:
    """As a worker does: all that the log says of the graph is applied."""
    async for record in deps.log.read("graph"):
        await GRAPH[type(record.event)](record, deps)


async def who_follows(deps: Deps) -> list[UserId]:
    return [who for who in (ADA, BOB) if (await deps.graph.relations(who)).following]


@pytest.mark.parametrize("worker", [False, True], ids=["at-once", "after-the-worker"])
@pytest.mark.parametrize("end", [graph.unblock, graph.block], ids=["unblock", "block-again"])
def test_a_block_that_was_cut_short_is_finished_by_what_comes_next(
    deps: Deps, made: list[Interleaver], end: Act, worker: bool
) -> None:
    stood = 0
    for steps in range(STEPS):
        world = World(deps, made)
        asyncio.run(both_follow(world.deps))
        block = world.loop.start(graph.block(ADA, BOB, world.gated))
        world.advance(block, steps)
        world.loop.kill(block)
        if worker:
            asyncio.run(catch_up(world.deps))
        stands = BOB in asyncio.run(world.deps.graph.relations(ADA)).blocks
        stood += stands
        asyncio.run(end(ADA, BOB, world.deps))
        asyncio.run(catch_up(world.deps))
        if stands or end is graph.block:
            assert asyncio.run(who_follows(world.deps)) == [], steps
        else:
            assert asyncio.run(who_follows(world.deps)) == [ADA, BOB], "there never was a block"
    assert stood >= STEPS / 2


def test_whoever_was_not_blocked_goes_on_following_when_unblocked(
    deps: Deps, made: list[Interleaver]
) -> None:
    world = World(deps, made)
    asyncio.run(both_follow(world.deps))
    asyncio.run(graph.unblock(ADA, BOB, world.deps))
    assert asyncio.run(who_follows(world.deps)) == [ADA, BOB]


def test_a_follow_that_is_asked_for_again_does_not_undo_the_approval(
    deps: Deps, made: list[Interleaver]
) -> None:
    for steps in product(range(STEPS), repeat=2):
        world = World(deps, made)
        asyncio.run(bob_asks(world.deps))
        world.meet(
            graph.follow(BOB, ADA, world.gated),
            graph.approve(ADA, BOB, world.gated),
            *steps,
        )
        assert asyncio.run(who_follows(world.deps)) == [BOB], steps


async def test_whoever_asks_again_follows_once_the_account_is_public(deps: Deps) -> None:
    await bob_asks(deps)
    await profiles.change(ADA, private=False, deps=deps)
    assert await graph.follow(BOB, ADA, deps) == "follows"
    await profiles.change(ADA, private=True, deps=deps)
    assert await graph.follow(BOB, ADA, deps) == "follows"


@pytest.mark.parametrize("again", [graph.follow, graph.unfollow])
async def test_whoever_repeats_after_a_withdrawal_that_came_late_gets_what_they_ask(
    deps: Deps, again: Act
) -> None:
    """Kafka took the withdrawal, and nobody had applied it yet as they asked again."""
    await bob_asks(deps)
    await deps.log.append(UserUnfollowed(follower_id=BOB, followee_id=ADA, at_ms=deps.now_ms()))
    assert await graph.follow(BOB, ADA, deps) == "requested"
    await catch_up(deps)
    await again(BOB, ADA, deps)
    await catch_up(deps)
    waits = await deps.graph.requests_page(ADA, after="", limit=9)
    assert waits == ([BOB] if again is graph.follow else [])


async def test_who_is_blocked_while_they_follow_is_told_that_nobody_is_there(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both_join(deps)
    append = deps.log.append

    async def blocked_first(event: Event) -> Record[Any]:
        if isinstance(event, UserFollowed):
            await graph.block(ADA, BOB, deps)
        return await append(event)

    monkeypatch.setattr(deps.log, "append", blocked_first)
    with pytest.raises(Rejected, match=ADA) as refused:
        await graph.follow(BOB, ADA, deps)
    assert refused.value.problem == "user-not-found"
    assert await who_follows(deps) == []
