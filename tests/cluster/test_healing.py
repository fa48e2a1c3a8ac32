"""A Redis that lost everything, under reads and posts, is filled again, and nobody sees a gap."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable

import pytest

from instastream.ids import UserId
from instastream.stores.redis import open_redis
from instastream.stores.redis_feeds import RedisFeeds
from tests.cluster.conftest import System, eventually, photo, post
from tests.cluster.test_cli import run
from tests.cluster.watching import Watching, finalized, whole

AUTHORS, READERS, POSTS = 3, 4, 8
LOSSES = 4
BETWEEN_S = 0.3


async def flush(system: System) -> None:
    if "INSTASTREAM_REDIS" in os.environ:
        pytest.skip("this Redis may hold what is not ours")
    async with open_redis(system.settings) as redis:
        await redis.flushall()


async def restart(system: System) -> None:
    system.kill("redis")
    await asyncio.sleep(BETWEEN_S)
    await system.start("redis")


@pytest.mark.parametrize("lose", [flush, restart])
async def test_what_redis_lost_is_made_again(
    system: System, lose: Callable[[System], Awaitable[None]]
) -> None:
    authors = [await system.join(f"author{n}") for n in range(AUTHORS)]
    stays = lose is flush
    readers = [Watching(await system.join(f"reader{n}"), stays=stays) for n in range(READERS)]
    for one in readers:
        for author in authors:
            await one.reader.follow(author.user_id)
    watching = [asyncio.create_task(one.watch()) for one in readers]
    posting = [asyncio.create_task(finalized(authors[n % AUTHORS])) for n in range(POSTS)]
    for _ in range(LOSSES):
        await asyncio.sleep(BETWEEN_S)
        await lose(system)
        posting += [asyncio.create_task(finalized(author)) for author in authors]
    expected = sorted([await one for one in posting], reverse=True)
    await whole(readers, watching, expected)
    assert min(one.reads for one in readers) > LOSSES
    async with open_redis(system.settings) as redis:
        feeds = RedisFeeds(redis, prefix=system.settings.prefix)
        for one in readers:
            state = await feeds.peek(UserId(one.reader.user_id))
            assert state
            assert (state.post_ids, state.building) == (expected, False)


async def test_lists_are_made_anew_and_explained_from_the_command_line(system: System) -> None:
    author, reader = await system.join("author"), await system.join("reader")
    await reader.follow(author.user_id)
    post_id = (await post(author, photo()))["id"]
    watching = Watching(reader, stays=True)

    async def seen() -> bool:
        return await watching.read() == [post_id]

    await eventually(seen, "the post")
    of_reader = ["--user", reader.user_id]
    why = json.loads(told(system, "explain", *of_reader, "--post", post_id, "--json"))
    assert (why["kind"], why["in_feed"]) == ("pushed", True)
    assert why["event"]["type"] == "media.ready.v1"
    async with open_redis(system.settings) as redis:
        feeds = RedisFeeds(redis, prefix=system.settings.prefix)
        await feeds.remove(UserId(reader.user_id), [post_id])
        why = json.loads(told(system, "explain", *of_reader, "--post", post_id, "--json"))
        assert (why["kind"], why["in_feed"]) == ("older", True)
        foreseen = json.loads(told(system, "rebuild", *of_reader, "--dry-run", "--json"))
        assert [one["missing"] for one in foreseen["changed"]] == [[post_id]]
        assert (await feeds.read(UserId(reader.user_id))) == []
        done = json.loads(told(system, "rebuild", "--all", "--json"))
        assert foreseen["changed"][0] in done["changed"]
        assert (await feeds.read(UserId(reader.user_id))) == [post_id]
    again = json.loads(told(system, "rebuild", *of_reader, "--json"))
    assert (again["lists"], again["changed"]) == (1, [])
    assert "In the feed" in told(system, "explain", *of_reader, "--post", post_id)
    for argv, sentence in (
        (["rebuild"], "say whose list"),
        (["rebuild", "--all", "--user", "x"], "say whose list"),
        (["rebuild", "--all", "--after", "x"], "'x' is not an id"),
        (["rebuild", "--user", "x", "--after", "1"], "--after goes on with --all"),
        (["rebuild", "--user", "nobody_at_all"], "there is no user 'nobody_at_all'"),
        (["explain", *of_reader, "--post", "7"], "'7' is not an id"),
    ):
        done_badly = run("feeds", *argv, **system.environ)
        assert done_badly.returncode == 1
        assert sentence in done_badly.stderr


def told(system: System, *argv: str) -> str:
    """What a command says, without a word of trouble."""
    done = run("feeds", *argv, **system.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout
