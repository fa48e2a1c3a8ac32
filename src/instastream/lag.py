"""How far each worker's consumer group is behind, as Kafka knows it: whether or not one runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from msgspec import Struct

from instastream.handlers.engagement import COUNTING, ENGAGEMENT
from instastream.handlers.feeds import FEEDS
from instastream.handlers.graph import GRAPH
from instastream.handlers.ledger import LEDGER
from instastream.handlers.media import MEDIA
from instastream.handlers.posts import POSTS
from instastream.handlers.video import VIDEO
from instastream.log import translated
from instastream.retries import RETRY_DELAYS_S, retry_group
from instastream.settings import Settings

OLDEST_S_MAX = 10.0  # to read one record of each partition that is behind

HANDLERS = {
    "feeds": FEEDS,
    "graph": GRAPH,
    "ledger": LEDGER,
    "media": MEDIA,
    "posts": POSTS,
    "video": VIDEO,
}
# Which topics each worker's groups read, as in streams/.
READ = {
    COUNTING: set(ENGAGEMENT),
    **{name: {event.topic for event in handlers} for name, handlers in HANDLERS.items()},
    **{retry_group(name): set(RETRY_DELAYS_S) for name in HANDLERS},
}


class Behind(NamedTuple):
    """How far a group is in a partition."""

    group: str
    topic: str
    partition: int
    committed: int
    end: int

    @property
    def events(self) -> int:
        """How many records that it has not done."""
        return self.end - self.committed


Look: TypeAlias = Callable[[], Awaitable[list[Behind]]]


@asynccontextmanager
async def looking(
    settings: Settings, groups: Mapping[str, Collection[str]] = READ
) -> AsyncIterator[Look]:
    """What tells, each time anew, what groups have not done of the topics that they read.

    Where a group never committed it is at the beginning; so it is where what comes next has
    expired. What Kafka's client raises within is Unavailable.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    with translated():
        try:
            await admin.start()
            async with AIOKafkaConsumer(bootstrap_servers=settings.kafka) as consumer:
                yield partial(_look, settings.prefix, groups, admin, consumer)
        finally:
            await admin.close()


async def _look(
    prefix: str,
    groups: Mapping[str, Collection[str]],
    admin: AIOKafkaAdminClient,
    consumer: AIOKafkaConsumer,
) -> list[Behind]:
    topics_read = {prefix + topic for topics in groups.values() for topic in topics}
    spans = await _spans(topics_read, admin, consumer)
    found: list[Behind] = []
    for worker, topics in groups.items():
        group = prefix + worker
        committed = await admin.list_consumer_group_offsets(group)
        done = {tp: at.offset for tp, at in committed.items()}
        wanted = {prefix + topic for topic in topics}
        places = (
            Behind(group, tp.topic, tp.partition, max(done.get(tp, 0), begin), end)
            for tp, (begin, end) in spans.items()
            if tp.topic in wanted
        )
        found += [place for place in places if place.events > 0]
    return found


async def _spans(
    topics: Collection[str], admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer
) -> dict[TopicPartition, tuple[int, int]]:
    """Where each partition of some topics begins and ends."""
    described = await admin.describe_topics(sorted(topics))
    partitions = [
        TopicPartition(topic["topic"], one["partition"])
        for topic in described
        for one in topic["partitions"]
    ]
    begins = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    return {tp: (begins[tp], ends[tp]) for tp in partitions}


class PartitionLag(Struct, frozen=True):
    """What is left of a partition: from what was committed last, or has not expired, to its end."""

    partition: int
    committed: int
    end: int
    oldest_ms: int | None  # when what comes next was appended; None where that is not known

    @property
    def events(self) -> int:
        """How many records that are."""
        return self.end - self.committed


class TopicLag(Struct, frozen=True):
    """How far a worker is behind in a topic; of its partitions those that it is behind in."""

    app: str
    topic: str
    events: int
    seconds: float | None  # age of the oldest; None where none is left, or that is not known
    partitions: list[PartitionLag]


async def lag_of_all(settings: Settings, *, now_ms: int) -> list[TopicLag]:
    """Of every worker and topic that it reads, also where nothing is left; raises Unavailable."""
    async with looking(settings) as look:
        behind = await look()
    oldest = await _oldest_ms(settings, behind) if behind else {}
    found: dict[tuple[str, str], list[PartitionLag]] = {
        (app, topic): [] for app, topics in sorted(READ.items()) for topic in sorted(topics)
    }
    for one in behind:
        place = one.group.removeprefix(settings.prefix), one.topic.removeprefix(settings.prefix)
        found[place].append(PartitionLag(one.partition, one.committed, one.end, oldest.get(one)))
    return [_topic_lag(app, topic, parts, now_ms) for (app, topic), parts in found.items()]


def _topic_lag(app: str, topic: str, parts: list[PartitionLag], now_ms: int) -> TopicLag:
    known = [part.oldest_ms for part in parts if part.oldest_ms is not None]
    seconds = max(0, now_ms - min(known)) / 1000 if known else None
    return TopicLag(app, topic, sum(part.events for part in parts), seconds, parts)


async def _oldest_ms(settings: Settings, behind: Iterable[Behind]) -> Mapping[Behind, int]:
    """When what comes next in each place was appended, of those that Kafka answers in time."""
    found: dict[Behind, int] = {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        auto_offset_reset="earliest",  # where what comes next was dropped by its retention
        max_partition_fetch_bytes=1,  # Kafka answers with one record, or what was sent with it
    )
    with translated():
        try:
            await consumer.start()
            with suppress(TimeoutError):
                async with asyncio.timeout(OLDEST_S_MAX):
                    for places in _by_group(behind):
                        found |= await _next_of(consumer, places)
        finally:
            await consumer.stop()
    return found


def _by_group(behind: Iterable[Behind]) -> list[dict[TopicPartition, Behind]]:
    """Each group's places: two groups may be at two places of one partition."""
    groups: dict[str, dict[TopicPartition, Behind]] = {}
    for one in behind:
        groups.setdefault(one.group, {})[TopicPartition(one.topic, one.partition)] = one
    return list(groups.values())


async def _next_of(
    consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, Behind]
) -> dict[Behind, int]:
    found: dict[Behind, int] = {}
    consumer.assign(list(places))
    for tp, one in places.items():
        consumer.seek(tp, one.committed)
    while len(found) < len(places):
        for tp, records in (await consumer.getmany(timeout_ms=500, max_records=500)).items():
            if tp in places and records:
                found.setdefault(places[tp], records[0].timestamp)
    return found
