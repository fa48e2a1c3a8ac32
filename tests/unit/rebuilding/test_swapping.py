"""What happens in the seconds around a swap is in what serves then, or is told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from instastream import rebuild_cli
from instastream.errors import Unavailable, Unready
from instastream.rebuilding import rebuilding, shadowing
from instastream.rebuilding.outcomes import Rebuilt
from instastream.rebuilding.projections import named
from instastream.rebuilding.replaying import Refused, Replayed
from instastream.rebuilding.shadowing import Shadow, swap
from instastream.rebuilding.targets import Target
from instastream.stores.cassandra.generations import Serving
from instastream.terminal import Steps
from tests.conftest import IN_MEMORY

LACKS = r"generation 1 serves, and may lack .*: run `instastream rebuild users`"
REFUSED = Refused(topic="users", partition=3, offset=17, error="ValueError: no")


def replayed(refusals: Sequence[Refused] = ()) -> Replayed:
    return Replayed(
        projection="users",
        spans=[],
        records=1,
        handled={},
        passed=0,
        refused=len(refusals),
        refusals=list(refusals),
        duration_s=0.0,
    )


class World:
    """A generation that serves, and a shadow: what is done to them, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.generation = 0
        self.away: set[str] = set()
        self.refuses: set[str] = set()
        self.standing, self.going = asyncio.Event(), asyncio.Event()
        self.stands_still = ""
        self.catch_ups = ["before", "after"]
        deps = SimpleNamespace(changes=self)
        target = cast(Target, SimpleNamespace(deps=deps, generations=self, contents=None))
        self.shadow = Shadow(1, named("users"), target, target, IN_MEMORY)

    async def do(self, what: str) -> None:
        if what == self.stands_still:
            self.standing.set()
            await self.going.wait()
        if what in self.away:
            raise Unavailable("a server", "away")
        self.done.append(what)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Any]:
        yield SimpleNamespace(expired=lambda: False)

    async def hold(self, _: str) -> bool:
        return True

    async def ask(self) -> Serving:
        await self.do("ask")
        return Serving(generation=self.generation)

    async def serve(self, generation: int, **_: object) -> bool:
        self.generation = generation
        await self.do("serve")
        return True

    async def release(self, _: str) -> None:
        pass

    async def forget(self) -> None:
        await self.do("forget")

    async def replay(self, *_: object, **__: object) -> Replayed:
        name = self.catch_ups.pop(0)
        await self.do(name)
        return replayed([REFUSED] if name in self.refuses else [])

    def say(self, text: str) -> None:
        self.done.append(text)


async def nothing(*_: object, **__: object) -> list[Any]:
    return []


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()

    @asynccontextmanager
    async def beside(*_: object) -> AsyncIterator[Shadow]:
        yield world.shadow

    monkeypatch.setattr(shadowing, "SETTLED_S", 0)
    monkeypatch.setattr(shadowing, "PAUSE_S", 0)
    monkeypatch.setattr(shadowing, "found_of", nothing)
    monkeypatch.setattr(shadowing, "replay", world.replay)
    monkeypatch.setattr(shadowing, "former", beside)
    monkeypatch.setattr(shadowing, "shadow", beside)
    monkeypatch.setattr(rebuild_cli, "compare", nothing)
    monkeypatch.setattr(rebuilding, "renew_lists", nothing)
    return world


async def stopped_at(step: str, world: World) -> "asyncio.Task[None]":
    """A swap that is cancelled while it stands still there."""
    world.stands_still = step
    task = asyncio.ensure_future(swap(world.shadow, world.say))
    await world.standing.wait()
    task.cancel()
    await asyncio.sleep(0)
    return task


async def test_caches_forget_once_all_is_there_that_was_written_elsewhere(world: World) -> None:
    await swap(world.shadow, world.say)
    serves = "generation 1 of the projections serves"
    assert world.done == ["ask", "before", "serve", serves, "after", "forget"]


@pytest.mark.parametrize("step", ["serve", "after", "forget"])
async def test_a_swap_that_is_stopped_after_it_serves_first_comes_to_its_end(
    step: str, world: World
) -> None:
    task = await stopped_at(step, world)
    world.going.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.done[-2:] == ["after", "forget"]


async def test_a_swap_that_is_stopped_before_it_serves_ends_at_once(world: World) -> None:
    with pytest.raises(asyncio.CancelledError):
        await (await stopped_at("before", world))
    assert world.generation == 0


async def test_a_swap_that_is_stopped_twice_says_what_may_be_missing(world: World) -> None:
    task = await stopped_at("after", world)
    task.cancel()
    with pytest.raises(Unready, match=LACKS):
        await task


async def test_whoever_is_stopped_waits_for_no_store_that_stays_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadowing, "ENDED_WITHIN_S", 0)
    with pytest.raises(Unready, match=LACKS):
        await (await stopped_at("after", world))


@pytest.mark.parametrize("step", ["after", "forget"])
async def test_a_server_that_is_away_after_it_serves_leads_to_what_is_to_be_done(
    step: str, world: World
) -> None:
    world.away.add(step)
    with pytest.raises(Unready, match=LACKS):
        await swap(world.shadow, world.say)


async def test_where_it_is_not_known_whether_it_serves_that_is_said(world: World) -> None:
    world.away.add("serve")
    world.stands_still = "serve"
    swapping = asyncio.ensure_future(swap(world.shadow, world.say))
    await world.standing.wait()
    world.away.add("ask")
    world.going.set()
    with pytest.raises(Unready, match="generation 1 may serve, and may lack"):
        await swapping


async def test_what_failed_is_told_also_where_nothing_can_be_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()

    @asynccontextmanager
    async def given(one: object) -> AsyncIterator[Any]:
        yield one

    async def fail() -> None:
        async with shadowing.shadow(named("users"), IN_MEMORY):
            world.away.add("ask")
            raise Unready("first")

    monkeypatch.setattr(shadowing, "serving", lambda _: given(world.shadow.serves))
    monkeypatch.setattr(shadowing, "create_generation", lambda *_: None)
    monkeypatch.setattr(shadowing, "_beside", lambda *_: given(world.shadow))
    with pytest.raises(Unready, match="first"):
        await fail()


async def go_back() -> Rebuilt:
    return await rebuild_cli._go_back(IN_MEMORY, named("users"), Steps())


async def make_beside() -> Rebuilt:
    return await rebuild_cli._make_beside(IN_MEMORY, named("users"), Steps(), swap=True)


@pytest.mark.parametrize("command", [go_back, make_beside])
async def test_a_generation_that_refused_an_event_is_never_served(
    command: Any, world: World
) -> None:
    world.catch_ups, world.refuses = ["first"], {"first"}
    assert (await command()).refused == 1
    assert world.generation == 0


@pytest.mark.parametrize("command", [go_back, make_beside])
async def test_what_is_refused_just_before_it_would_serve_is_told_instead(
    command: Any, world: World
) -> None:
    world.catch_ups, world.refuses = ["first", "before"], {"before"}
    with pytest.raises(Unready, match=r"1 events could not be handled.*users/3:17: ValueError: no"):
        await command()
    assert world.generation == 0


@pytest.mark.parametrize("command", [go_back, make_beside])
async def test_what_is_refused_after_it_serves_is_told(command: Any, world: World) -> None:
    world.catch_ups, world.refuses = ["first", "before", "after"], {"after"}
    rebuilt = await command()
    assert (world.generation, rebuilt.refused) == (1, 1)
    assert rebuilt.replays[-1].refusals == [REFUSED]


async def test_what_is_refused_while_both_are_compared_is_never_served(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def compare(*_: object, follow: Any, **__: object) -> list[Any]:
        await follow(0)
        return []

    monkeypatch.setattr(rebuild_cli, "compare", compare)
    world.catch_ups, world.refuses = ["first", "compared"], {"compared"}
    assert (await make_beside()).refused == 1
    assert world.generation == 0
