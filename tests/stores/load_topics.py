"""Streams, recordings and replays for tests, in namespaces of their own."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex

from msgspec.structs import replace

from infra.provision import create_topics
from instastream.deps import memory_deps
from instastream.events import (
    Event,
    Record,
)
from instastream.handlers.engagement import ENGAGEMENT
from instastream.ids import Lease, Mint
from instastream.images.pool import RenderPool
from instastream.load.into_topics.appending import appending
from instastream.load.into_topics.inventing import StreamPlan
from instastream.load.into_topics.pouring import Poured
from instastream.load.into_topics.recording import record
from instastream.load.into_topics.remapping import Remap
from instastream.load.into_topics.replaying import Replayed, replay
from instastream.load.into_topics.streaming import TOPICS, Bounds, stream_events
from instastream.load.into_topics.tapes import Reader, Taped
from instastream.log import KafkaLog
from instastream.ranges import Range
from instastream.settings import Settings
from instastream.stores.epochs import NoEpochs
from tests.conftest import IN_MEMORY

PLAN = StreamPlan(seed=3, users=50, posts=30, celebrities=2)
COUNT = 3_000
BEGINS_MS = 1_795_000_000_000
ALL = [Range(topic=topic) for topic in TOPICS]


def quiet(_: object) -> None:
    """Nobody watches."""


async def empty(settings: Settings) -> Settings:
    """A namespace of its own, with topics that nothing is in."""
    other = replace(settings, namespace=f"t{token_hex(4)}")
    await create_topics(other)
    return other


def mint() -> Mint:
    return Mint(Lease(5, BEGINS_MS, BEGINS_MS + 3_600_000))


async def stream(settings: Settings, plan: StreamPlan = PLAN, count: int = COUNT) -> Poured:
    async with appending(settings) as appender:
        return await stream_events(plan, Bounds(count=count), appender, mint(), report=quiet)


async def taped(settings: Settings, path: Path, ranges: Sequence[Range] = ALL) -> list[Taped]:
    """What is in some topics, by way of a recording."""
    await record(ranges, path, settings, report=quiet)
    return list(Reader(path))


async def replayed(
    path: Path, settings: Settings, *, other: Remap | None = None, speed: float | None = None
) -> Replayed:
    async with appending(settings) as appender:
        return await replay(
            Reader(path), appender, speed=speed, remap=other, epochs=NoEpochs(), report=quiet
        )


def by_key(records: Sequence[Taped]) -> dict[tuple[str, bytes | None], list[Taped]]:
    """The records of each key, without where and when they stand."""
    keyed = defaultdict(list)
    for one in records:
        keyed[one.topic, one.key].append(replace(one, partition=0, offset=0, at_ms=0))
    return keyed


async def counted(settings: Settings) -> dict[str, tuple[int, int]]:
    """Of each post and comment, its likes and its comments or replies, by the real handlers."""
    subjects: dict[str, int] = {}
    async with memory_deps(IN_MEMORY, RenderPool()) as deps:
        async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
            for topic in ENGAGEMENT:
                partitions = defaultdict[int, list[Record[Event]]](list)
                async for one in log.read(topic):
                    partitions[one.partition].append(one)
                    for name in ("post_id", "comment_id"):
                        subject = getattr(one.event, name, None)
                        if subject:
                            shards = getattr(one.event, "shards", 1)
                            subjects[subject] = max(subjects.get(subject, 1), shards)
                for records in partitions.values():
                    await ENGAGEMENT[topic](records, deps)
        likes = await deps.likes.totals(subjects)
        said = await deps.comment_ids.totals(dict.fromkeys(subjects, 1))
    return {one: (likes[one].count, said[one].count) for one in subjects}
