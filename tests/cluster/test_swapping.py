"""Projections are made again beside those that serve, and swapped, while people go on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from infra.provision import provision
from instastream.deps import Deps, open_deps
from instastream.events import UserFollowed, UserJoined
from instastream.handlers.graph import record_edge, record_joined
from instastream.ids import UserId
from instastream.settings import Settings
from instastream.stores.cassandra.session import open_session
from tests.cluster.conftest import eventually
from tests.cluster.liking import Likers
from tests.cluster.rebuilding import working
from tests.cluster.test_cli import run

pytestmark = pytest.mark.long

PAUSE_S = 0.1
LATER = 1 << 61  # a date that no event has
WRONG = f"UPDATE users USING TIMESTAMP {LATER} SET username = 'wrong' WHERE user_id = ?"


@dataclass
class World:
    """People who like, join and follow all the time, and workers in a namespace of their own."""

    settings: Settings
    environ: dict[str, str]
    deps: Deps
    likers: Likers
    joined: list[UserId]

    async def answer(self, *argv: str, code: int = 0) -> dict[str, object]:
        """What `instastream rebuild all` answers."""
        done = await asyncio.to_thread(run, "rebuild", "all", *argv, "--json", **self.environ)
        assert done.returncode == code, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    async def go_on(self, stopped: asyncio.Event) -> None:
        """As the API does: what is appended is applied at once."""
        *_, star = self.likers.users
        while not stopped.is_set():
            user = UserId(await self.deps.ids.mint())
            joined = UserJoined(user_id=user, username=f"u{user}", at_ms=self.deps.now_ms())
            await record_joined(await self.deps.log.append(joined), self.deps)
            follows = UserFollowed(follower_id=user, followee_id=star, at_ms=self.deps.now_ms())
            await record_edge(await self.deps.log.append(follows), self.deps)
            self.joined.append(user)
            await asyncio.sleep(PAUSE_S)

    async def have_joined(self) -> bool:
        """Whether anyone has."""
        return bool(self.joined)

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Meanwhile people go on."""
        stopped = asyncio.Event()
        going = asyncio.gather(self.likers.go_on(stopped), self.go_on(stopped))
        try:
            yield
        finally:
            stopped.set()
            await going

    async def check(self) -> None:
        """Everything that anyone did is there, once."""
        await eventually(self.likers.all_counted, "every like counted")
        assert await self.likers.members() == self.likers.expected()
        users = await self.deps.users.get_all(self.joined)
        assert users.keys() == set(self.joined)
        *_, star = self.likers.users
        assert set(await self.deps.graph.followers(star)) == set(self.joined)
        assert await self.deps.graph.followers_count(star) == len(self.joined)


@pytest_asyncio.fixture(scope="module")
async def world(settings: Settings, environ: dict[str, str]) -> AsyncIterator[World]:
    apart = replace(settings, namespace=f"s{token_hex(4)}")
    environ = {**environ, "INSTASTREAM_NAMESPACE": apart.namespace}
    await provision(apart)
    async with open_deps(apart) as deps:
        likers = await Likers.come(deps, users=20, posts=3)
        async with working(environ, "graph", "engagement"):
            yield World(apart, environ, deps, likers, [])


def different(answer: dict[str, object]) -> list[dict[str, Any]]:
    """The tables that are not what the log says."""
    found = answer["different"]
    assert isinstance(found, list)
    return found


async def serving(settings: Settings) -> int:
    async with open_session(settings) as session:
        return (await session.generations.ask()).generation


async def test_a_generation_without_what_was_wrong_serves_and_nobody_notices(
    world: World,
) -> None:
    async with world.busy():
        await eventually(world.have_joined, "someone there")
        victim = world.joined[0]
        async with open_session(world.settings) as session:
            await session.execute(WRONG, int(victim))
        events = world.likers.events
        [found] = different(await world.answer("--swap"))
        assert world.likers.events > events + 20, "people went on meanwhile"
        await asyncio.sleep(1)
    assert (found["table"], found["serving_only"], found["shadow_only"]) == ("users", 1, 1)
    assert "wrong" in "".join(found["rows"])
    assert await serving(world.settings) == 1
    user = await world.deps.users.get(victim)
    assert user
    assert user.username == f"u{victim}"
    await world.check()


async def test_what_served_before_serves_again_with_all_that_came_since(world: World) -> None:
    async with world.busy():
        await world.answer("--rollback")
        await asyncio.sleep(1)
    assert await serving(world.settings) == 0
    await world.check()
