"""Everything that is computed from the log is the same when it is computed again, from nothing.

Workers make projections of a history with poison in it; then tables are dropped, Redis forgets
everything, and the command makes them again. In a namespace of its own, which it ruins.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex

import pytest_asyncio
from msgspec import to_builtins
from msgspec.structs import replace

from infra.provision import provision
from instastream.deps import Deps, now_ms, open_deps
from instastream.errors import Unready
from instastream.events import (
    FollowApproved,
    FollowDenied,
    FollowRequested,
    Record,
    UserBlocked,
    UserMuted,
    UserUnblocked,
)
from instastream.follows import EdgeEvent
from instastream.ids import Lease, Mint, PostId, UserId
from instastream.load.into_topics.appending import appending
from instastream.load.into_topics.inventing import StreamPlan
from instastream.load.into_topics.streaming import Bounds as StreamBounds
from instastream.load.into_topics.streaming import stream_events
from instastream.ranges import Range, consuming, spans
from instastream.reading.rebuilding import rebuild as make_list
from instastream.rebuilding.bounding import Bounds
from instastream.rebuilding.digesting import Digest, differences, digest_of_totals, digests
from instastream.rebuilding.outcomes import Digested
from instastream.rebuilding.projections import PROJECTIONS, named
from instastream.rebuilding.rebuilding import rebuild, rehearse
from instastream.rebuilding.replaying import Replayed
from instastream.rebuilding.targets import serving
from instastream.settings import Settings
from instastream.steps import ignore
from instastream.stores.cassandra.session import open_session
from instastream.stores.redis import open_redis
from tests.cluster.conftest import eventually
from tests.cluster.rebuilding import is_handled, working
from tests.cluster.test_cli import run

TABLES = [table for one in PROJECTIONS.values() for table in (*one.tables, *one.derived)]
PLAN = StreamPlan(seed=8, users=20, posts=20, celebrities=2, poison_share=0.02)
EVENTS = 700


@dataclass(frozen=True)
class World:
    """A namespace that workers have made everything of, and what that was."""

    settings: Settings
    environ: dict[str, str]
    before: list[Digest]
    lists: dict[UserId, list[PostId]]

    def instastream(self, *argv: str) -> dict[str, object]:
        """What a command answers, without a word of trouble."""
        done = run(*argv, "--json", **self.environ)
        assert done.returncode == 0, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    async def different(self) -> list[str]:
        """Tables that don't hold what they held."""
        return [one.table for one in differences(await digested(self.settings), self.before)]


@pytest_asyncio.fixture(scope="module")
async def world(settings: Settings, environ: dict[str, str]) -> World:
    apart = replace(settings, namespace=f"r{token_hex(4)}")
    environ = {**environ, "INSTASTREAM_NAMESPACE": apart.namespace}
    await provision(apart)
    async with appending(apart) as appender:
        mint = Mint(Lease(5, now_ms() - 600_000, now_ms()))
        await stream_events(PLAN, StreamBounds(count=EVENTS), appender, mint, report=lambda _: None)
    async with open_deps(apart) as deps:
        await say_more(deps)
        async with working(environ):
            await eventually(partial(is_handled, apart), "everything handled")
        people = (await deps.graph.followers(await someone_followed(deps)))[:5]
        lists = {one: await make_list(one, deps) or [] for one in people}
    assert any(lists.values())
    return World(apart, environ, await digested(apart), lists)


async def say_more(deps: Deps) -> None:
    """What an invented history has little of: requests, answers to some of them, and walls."""
    ada, bob, cleo, dora = [UserId(await deps.ids.mint()) for _ in range(4)]
    at_ms = deps.now_ms()

    async def ask(follower: UserId) -> Record[FollowRequested]:
        asked = FollowRequested(follower_id=follower, followee_id=ada, at_ms=at_ms)
        return await deps.log.append(asked)

    for follower, answer in ((bob, FollowApproved), (cleo, FollowDenied), (dora, None)):
        asked = await ask(follower)
        if answer:
            said: EdgeEvent = answer(
                follower_id=follower, followee_id=ada, request=asked.offset, at_ms=at_ms
            )
            await deps.log.append(said)
    for event in (
        UserBlocked(blocker_id=ada, blocked_id=cleo, at_ms=at_ms),
        UserBlocked(blocker_id=ada, blocked_id=bob, at_ms=at_ms),
        UserUnblocked(blocker_id=ada, blocked_id=bob, at_ms=at_ms),
        UserMuted(muter_id=bob, muted_id=ada, at_ms=at_ms),
    ):
        await deps.log.append(event)


async def someone_followed(deps: Deps) -> UserId:
    """Whoever has most followers of those who joined."""
    joined = [one.event.key async for one in deps.log.read("users")]
    counts = {UserId(one): await deps.graph.followers_count(UserId(one)) for one in joined}
    return max(counts, key=lambda one: counts[one])


async def digested(settings: Settings) -> list[Digest]:
    async with serving(settings) as target:
        found = await digests(named("all"), target.contents, report=ignore)
        return [*found, await digest_of_totals(target.deps.counts)]


async def lose_everything(settings: Settings) -> None:
    """Every table of projections, and all that Redis holds for this namespace."""
    async with open_session(settings) as session:
        for table in TABLES:
            await session.execute(f"DROP TABLE {settings.keyspace}.{table}")
    async with open_redis(settings) as redis:
        async for key in redis.scan_iter(match=f"{settings.prefix}*", count=1_000):
            await redis.delete(key)


async def test_what_was_dropped_entirely_is_the_same_again(world: World, tmp_path: Path) -> None:
    counts = {one.table: one.rows for one in world.before}
    assert all(counts.values()), counts
    await lose_everything(world.settings)
    await provision(world.settings)
    assert set(await world.different()) == set(counts)
    rebuilt = world.instastream("rebuild", "all")
    replays = rebuilt["replays"]
    assert isinstance(replays, list)
    assert sum(sum(one["handled"].values()) for one in replays) + sum(
        one["passed"] for one in replays
    ) == sum(one["records"] for one in replays)
    assert sum(one["passed"] for one in replays) > 0, "there was poison"
    path = tmp_path / "before.json"
    path.write_text(json.dumps(to_builtins(Digested(digests=world.before))))
    compared = world.instastream("digest", "--against", str(path))
    assert compared["differences"] == []
    async with open_deps(world.settings) as deps:
        for reader, ids in world.lists.items():
            assert await make_list(reader, deps) == ids


async def made_again(world: World, name: str, *, drop: bool = False) -> list[Replayed]:
    async with serving(world.settings) as target:
        again = rebuild(named(name), Bounds(), target, world.settings, drop=drop, report=ignore)
        return [one async for one in again]


async def test_what_was_lost_of_one_projection_is_made_again_while_others_stay(
    world: World,
) -> None:
    async with open_session(world.settings) as session:
        await session.execute("TRUNCATE followers")
    assert await world.different() == ["followers"]
    await made_again(world, "graph", drop=True)
    assert await world.different() == []


async def test_a_rehearsal_counts_and_writes_nothing(world: World) -> None:
    async with open_session(world.settings) as session:
        await session.execute("TRUNCATE users")
    [foreseen] = await rehearse(named("users"), Bounds(), world.settings, report=ignore)
    assert await world.different() == ["users"]
    [done] = await made_again(world, "users")
    assert done.handled == foreseen.handled
    assert done.handled["user.joined.v1"] >= PLAN.users
    assert await world.different() == []


async def test_a_range_and_a_key_are_all_that_is_replayed_of_a_topic(world: World) -> None:
    async with open_session(world.settings) as session:
        await session.execute("TRUNCATE users")

        async def rows() -> int:
            return len(await session.execute("SELECT user_id FROM users"))

        async with serving(world.settings) as target, open_deps(world.settings) as deps:

            async def replayed(bounds: Bounds) -> Replayed:
                again = rebuild(named("users"), bounds, target, world.settings, report=ignore)
                [one] = [one async for one in again]
                return one

            someone = next(iter(world.lists))
            of_someone = await replayed(Bounds(keys=frozenset([someone.encode()])))
            assert of_someone.handled["user.joined.v1"] == 1
            assert await deps.users.get(someone)
            async with consuming(world.settings) as consumer:
                there = await spans(consumer, [Range(topic="users")], world.settings)
            fullest = max(there, key=lambda span: span.end)
            first = Range(topic="users", partition=fullest.partition, begin=0, end=3)
            assert (await replayed(Bounds(ranges=[first]))).records == 3
            assert (await replayed(Bounds(until_ms=1))).records == 0
        assert 1 <= await rows() <= 4
    await made_again(world, "users")
    assert await world.different() == []


async def test_likes_are_not_counted_again_beside_a_worker_that_counts(world: World) -> None:
    async with working(world.environ, "engagement"):

        async def refused() -> bool:
            with suppress(Unready):
                await made_again(world, "likes")
                return False
            return True

        await eventually(refused, "refused")
