"""Workers of a namespace of its own, for tests that make its projections again."""

import asyncio
import os
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient

from infra import local
from instastream.ranges import Range, consuming, spans
from instastream.rebuilding.projections import named
from instastream.settings import Settings

WORKERS = ("posts", "feeds", "graph", "engagement")


@asynccontextmanager
async def working(environ: dict[str, str], *names: str) -> AsyncIterator[None]:
    """Workers, as processes of their own."""
    async with AsyncExitStack() as stack:
        for name in names or WORKERS:
            process = await asyncio.create_subprocess_exec(
                *local.faust(name), env={**os.environ, **environ}, stderr=DEVNULL, stdout=DEVNULL
            )
            stack.push_async_callback(process.wait)
            stack.callback(process.terminate)
        yield


async def is_handled(settings: Settings) -> bool:
    """Whether each worker has committed all that its topics hold."""
    topics = {topic for one in named("all") for topic in one.topics}
    async with consuming(settings) as consumer:
        ends = await spans(consumer, [Range(topic=topic) for topic in sorted(topics)], settings)
    committed: dict[tuple[str, int], list[int]] = {}
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        for name in WORKERS:
            group = await admin.list_consumer_group_offsets(settings.prefix + name)
            for place, at in group.items():
                topic = place.topic.removeprefix(settings.prefix)
                committed.setdefault((topic, place.partition), []).append(at.offset)
    finally:
        await admin.close()
    readers = {"graph": 2, "media": 2}  # and every other topic has one
    return all(
        committed.get(one.place, []).count(one.end) == readers.get(one.topic, 1)
        for one in ends
        if one.end
    )
