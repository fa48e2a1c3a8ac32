"""Nothing is lost of what a topic holds that is changed under a worker that runs."""

import asyncio
import os
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from secrets import token_hex

from aiokafka.admin import AIOKafkaAdminClient
from msgspec.structs import replace

from infra import local
from infra.provision import provision, topics
from instastream.deps import Deps, now_ms, open_deps
from instastream.events import PostLiked
from instastream.ids import LikeId, PostId, UserId, compose
from instastream.log import PARTITIONER
from instastream.settings import Settings
from tests.cluster.conftest import WAIT_S, eventually
from tests.stores.test_epochs import TOPIC, repartition

WORKER = "engagement"
PARTITIONS = topics()[TOPIC].partitions
SOME_COMMITS_S = 3.0
_sequence = count()


def new_id() -> str:
    return compose(at_ms=now_ms(), worker=0, sequence=next(_sequence) % 4096)


@asynccontextmanager
async def running(environ: dict[str, str]) -> AsyncIterator[asyncio.StreamReader]:
    """A worker, and what it says."""
    process = await asyncio.create_subprocess_exec(
        *local.faust(WORKER), env={**os.environ, **environ}, stderr=STDOUT, stdout=PIPE
    )
    assert process.stdout
    try:
        yield process.stdout
    finally:
        process.terminate()
        await process.communicate()


def moving_post() -> PostId:
    """One whose likes another partition gives to one that is there already."""
    while True:
        like = liked(PostId(new_id()))
        key, partitions = like.key.encode(), list(range(PARTITIONS + 1))
        after = PARTITIONER(key, partitions, partitions)
        if after not in (PARTITIONER(key, partitions[:-1], partitions[:-1]), PARTITIONS):
            return like.post_id


def liked(post_id: PostId) -> PostLiked:
    """By someone new."""
    user_id, like_id = UserId(new_id()), LikeId(new_id())
    return PostLiked(post_id=post_id, user_id=user_id, like_id=like_id, at_ms=now_ms())


async def like(deps: Deps, post_id: PostId, times: int) -> None:
    for _ in range(times):
        await deps.log.append(liked(post_id))


async def has(deps: Deps, post_id: PostId, likes: int) -> bool:
    return (await deps.likes.totals({post_id: 1}))[post_id].count == likes


async def committed(settings: Settings) -> dict[int, int]:
    """How far the worker has come in each partition of the topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        group = await admin.list_consumer_group_offsets(settings.prefix + WORKER)
    finally:
        await admin.close()
    topic = settings.prefix + TOPIC
    return {tp.partition: at.offset for tp, at in group.items() if tp.topic == topic}


async def test_nothing_is_committed_of_what_was_skipped_before_a_change_was_noticed(
    environ: dict[str, str], settings: Settings
) -> None:
    """Partitions are added, and the keys of some events move to where offsets are counted."""
    apart = replace(settings, namespace=f"e{token_hex(4)}")
    environ = {**environ, "INSTASTREAM_NAMESPACE": apart.namespace}
    await provision(apart)
    post_id = moving_post()
    async with running(environ) as said:
        async with open_deps(apart) as deps:
            await like(deps, post_id, 40)
            await eventually(partial(has, deps, post_id, 40), "counted")

        async def all_committed() -> bool:
            return 40 in (await committed(apart)).values()

        await eventually(all_committed, "committed")
        before = await committed(apart)
        await repartition(apart, partitions=PARTITIONS + 1)
        async with open_deps(apart) as deps:
            await like(deps, post_id, 10)  # at offsets that are counted, as it seems
        async with asyncio.timeout(WAIT_S):
            while b"13 partitions, not 12 since epoch 0" not in (line := await said.readline()):
                assert line, "it ended"
        await asyncio.sleep(SOME_COMMITS_S)
    assert await committed(apart) == before
