"""Likes are counted exactly, whatever is killed, and again from the log alone."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer
from httpx2 import AsyncClient

from infra import local
from infra.native.stack import Stack
from infra.provision import topics
from instastream.deps import Deps, open_deps
from instastream.events import CommentAdded, CommentDeleted, PostLiked, encode
from instastream.ids import CommentId, LikeId, PostId, UserId
from instastream.settings import Settings
from instastream.stores.cassandra.epochs import RECORDED
from instastream.stores.cassandra.session import open_session
from tests.cluster.conftest import eventually
from tests.cluster.liking import (
    Likers,
    digests,
    drop,
    forget_the_dead,
    is_caught_up,
    read_all_again,
    unlike_anything,
)
from tests.containers import Containers

WORKER = "engagement"
PARTITIONS = topics()[WORKER].partitions
KILLS = 10
BACKLOG, APPENDED_AT_ONCE = 2_000, 100


@pytest_asyncio.fixture(scope="module")
async def deps(settings: Settings) -> AsyncIterator[Deps]:
    async with open_deps(settings) as deps:
        yield deps


@pytest_asyncio.fixture(scope="module")
async def worker(environ: dict[str, str], stack: Stack, settings: Settings) -> str:
    """It runs, by this name."""
    await stack.run(local.worker(WORKER, environ))
    return WORKER


async def handled(stack: Stack) -> tuple[float, float]:
    """How many batches the worker has had since it started, and how many events in them."""
    [url] = [row.url for row in stack.status() if row.name == WORKER]
    async with AsyncClient(trust_env=False) as http:
        lines = (await http.get(f"{url}/metrics")).text.splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("instastream_batch"))
    labels = f'{{app="{WORKER}"}}'
    batches, events = (found.get(f"instastream_batch_events_{of}{labels}", 0) for of in SERIES)
    return float(batches), float(events)


SERIES = ("count", "sum")


async def restart_worker(stack: Stack, settings: Settings) -> None:
    """Kill it, and let it come back."""
    stack.kill(WORKER)
    await forget_the_dead(settings)
    await stack.start(WORKER)


async def test_a_like_is_counted_by_itself_when_nothing_else_waits(
    worker: str, stack: Stack, deps: Deps
) -> None:
    likers = await Likers.come(deps, users=3, posts=2)
    batches, events = await handled(stack)
    for user in likers.users:
        await likers.toggle(user, next(iter(likers.posts)))
        await eventually(likers.all_counted, "the like counted")

    async def all_told() -> bool:  # a moment after they can be seen
        return await handled(stack) == (batches + 3, events + 3)

    await eventually(all_told, "a batch for each")
    assert await likers.members() == likers.expected()


async def test_a_backlog_is_counted_in_large_batches(
    worker: str, stack: Stack, settings: Settings, deps: Deps
) -> None:
    likers = await Likers.come(deps, users=BACKLOG, posts=2)
    stack.kill(WORKER)
    for at in range(0, BACKLOG, APPENDED_AT_ONCE):
        some = likers.users[at : at + APPENDED_AT_ONCE]
        await asyncio.gather(*(likers.toggle(user, [*likers.posts][-1]) for user in some))
    await forget_the_dead(settings)
    await stack.start(WORKER)
    await eventually(likers.all_counted, "every like counted")

    async def all_told() -> bool:
        return (await handled(stack))[1] >= BACKLOG  # and what the killed worker had not committed

    await eventually(all_told, "every event told")
    assert (await handled(stack))[0] <= 4 * PARTITIONS


async def letters(settings: Settings, value: bytes) -> list[dict[str, bytes]]:
    """The headers of dead letters of a value."""
    consumer = AIOKafkaConsumer(
        settings.prefix + "dead", bootstrap_servers=settings.kafka, auto_offset_reset="earliest"
    )
    found = []
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(one) < end for one, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                found += [dict(one.headers) for one in batch if one.value == value]
    return found


async def test_poison_is_dead_with_its_story_and_its_partition_goes_on(
    worker: str, settings: Settings, deps: Deps
) -> None:
    likers = await Likers.come(deps, users=2, posts=2)
    (post, other_post), user = likers.posts, likers.users[0]
    key = f"{post}:0".encode()
    other = PostLiked(
        post_id=PostId(other_post), user_id=user, like_id=LikeId(await deps.ids.mint()), at_ms=1
    )
    poison = [unlike_anything(), encode(other)]
    await likers.toggle(user, post)
    for value in poison:
        await deps.log.append_raw("engagement", key=key, value=value, headers=[("a", b"header")])
    await likers.toggle(likers.users[1], post)
    await eventually(likers.all_counted, "what stands behind the poison counted")
    for value in poison:

        async def buried(value: bytes = value) -> bool:
            return bool(await letters(settings, value))

        await eventually(buried, "the poison dead")
        story, *_ = await letters(settings, value)
        assert (story["dead_topic"], story["dead_error"]) == (b"engagement", b"Corrupt")
        assert story["a"] == b"header"
    assert b"the event's key is" in story["dead_message"]
    assert await likers.members() == likers.expected()


async def test_counts_are_those_of_who_likes_after_ten_kills_and_a_restart_of_cassandra(
    worker: str, stack: Stack, docker: Containers | None, settings: Settings, deps: Deps
) -> None:
    likers = await Likers.come(deps, users=200, posts=7)
    stopped = asyncio.Event()
    liking = asyncio.create_task(likers.go_on(stopped))
    behind = 0
    try:
        for kill in range(KILLS):
            await asyncio.sleep(kill % 3 * 0.3)
            behind += not await likers.all_counted()
            if kill == KILLS // 2:
                (docker or stack).kill("cassandra")
                await asyncio.sleep(1)  # what is in hand is held, and must not be committed
                stack.kill(WORKER)
                await (docker or stack).start("cassandra")
            await restart_worker(stack, settings)

        async def many() -> bool:
            return likers.events > 2_000

        await eventually(many, "many likes")
    finally:
        stopped.set()
        await liking
    await eventually(likers.all_counted, f"{likers.events} events counted")
    assert await likers.members() == likers.expected()
    assert behind, "killed too late to prove anything"


async def say(deps: Deps, post_id: PostId, user: UserId) -> None:
    """A comment, a reply to it that is deleted again, and another one."""
    first, second, third = [CommentId(await deps.ids.mint()) for _ in range(3)]
    for comment_id, reply_to in ((first, None), (second, first), (third, None)):
        await deps.log.append(
            CommentAdded(
                post_id=post_id,
                comment_id=comment_id,
                reply_to=reply_to,
                author_id=user,
                text="said",
                at_ms=deps.now_ms(),
            )
        )
    await deps.log.append(
        CommentDeleted(
            post_id=post_id,
            comment_id=second,
            reply_to=first,
            deleted_by=user,
            at_ms=deps.now_ms(),
        )
    )


async def test_what_was_dropped_is_the_same_once_the_log_is_read_again(
    worker: str, stack: Stack, settings: Settings, deps: Deps
) -> None:
    likers = await Likers.come(deps, users=20, posts=3)
    for post in [*likers.posts, *likers.posts]:
        await asyncio.gather(*(likers.toggle(user, post) for user in likers.users))
        await likers.toggle(likers.users[0], post)
        await say(deps, PostId(post), likers.users[0])
    caught_up = partial(is_caught_up, settings, partitions=PARTITIONS)
    await eventually(caught_up, "everything counted")
    await stack.stop(WORKER)
    before = await digests(settings, deps, likers)
    await drop(settings)
    assert await digests(settings, deps, likers) != before
    await read_all_again(settings, partitions=PARTITIONS)
    await stack.start(WORKER)
    await eventually(caught_up, "everything counted again")
    assert await digests(settings, deps, likers) == before
    comments = await deps.comment_ids.totals(dict.fromkeys(likers.posts, 1))
    assert {total.count for total in comments.values()} == {4}


@asynccontextmanager
async def another_topic(settings: Settings) -> AsyncIterator[None]:
    """As it looks when the topic was made anew."""
    async with open_session(settings) as session:
        [row] = await session.execute(RECORDED, "engagement", serial=True)
        await session.execute_once(RECORD, uuid4())
        try:
            yield
        finally:
            await session.execute_once(RECORD, row.topic_id)


RECORD = "UPDATE log_epochs SET topic_id = ? WHERE topic = 'engagement' IF EXISTS"


@pytest.mark.parametrize(
    "argv",
    [local.faust(WORKER), [str(Path(sys.executable).with_name("instastream")), "api"]],
    ids=["worker", "api"],
)
async def test_nobody_begins_with_a_topic_that_was_made_anew(
    argv: list[str], worker: str, settings: Settings, environ: dict[str, str]
) -> None:
    async with another_topic(settings):
        process = await asyncio.create_subprocess_exec(
            *argv, env={**os.environ, **environ}, stderr=PIPE, stdout=PIPE
        )
        said = b"".join(await process.communicate())
    assert process.returncode not in (0, None)
    assert b"topic engagement was made anew since epoch 0 began" in said
