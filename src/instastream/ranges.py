"""Ranges of topics, as they are asked for, and what of them is there."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from difflib import get_close_matches

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from instastream.errors import Unavailable, Unready
from instastream.log import translated
from instastream.settings import Settings

FETCH_MS = 500
STALL_S = 30.0  # without a record of a partition that has some
RANGE = re.compile(r"(?P<topic>[\w.-]+)(?:/(?P<partition>\d+)(?::(?P<begin>\d*)-(?P<end>\d*))?)?")


class Range(Struct, frozen=True, kw_only=True):
    """What is asked for of a topic: of all its partitions or one; of that, offsets in [begin, end).

    What is None is everything that is there.
    """

    topic: str  # without the namespace
    partition: int | None = None
    begin: int | None = None
    end: int | None = None


class Span(Struct, frozen=True, kw_only=True):
    """What is there of a partition: offsets from `begin` on, before `end`."""

    topic: str  # without the namespace
    partition: int
    begin: int
    end: int

    @property
    def place(self) -> tuple[str, int]:
        """Topic and partition."""
        return self.topic, self.partition

    @property
    def length(self) -> int:
        """How many offsets there are in it, and records at most."""
        return self.end - self.begin


def parse_range(text: str) -> Range:
    """`posts`, `posts/3`, `posts/3:100-200` or `posts/3:100-`; raises Unready."""
    match = RANGE.fullmatch(text)
    if not match:
        raise Unready(f"{text!r} is no range: posts, or posts/3, or posts/3:100-200 is one")
    partition, begin, end = (
        int(match[name]) if match[name] else None for name in ("partition", "begin", "end")
    )
    if begin is not None and end is not None and end < begin:
        raise Unready(f"{text!r} ends before it begins")
    return Range(topic=match["topic"], partition=partition, begin=begin, end=end)


@asynccontextmanager
async def consuming(
    settings: Settings, *, fetched_bytes_max: int = 1 << 20
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of no group, up to so many bytes of a partition at a time.

    What Kafka's client raises within is Unavailable.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        auto_offset_reset="none",
        enable_auto_commit=False,
        max_partition_fetch_bytes=fetched_bytes_max,
    )
    with translated():
        try:
            await consumer.start()
            await asyncio.sleep(0)  # a task of its that has not begun would cancel whoever stops it
            yield consumer
        finally:
            await consumer.stop()


async def spans(
    consumer: AIOKafkaConsumer,
    ranges: Sequence[Range],
    settings: Settings,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> list[Span]:
    """From and to which offset each partition that is asked for is to be read, as of now.

    Kafka's timestamps decide what was appended since and until some times, in Unix milliseconds.
    Raises Unready for what is not there.
    """
    prefix = settings.prefix
    asked = _partitions(await _there(settings), ranges, prefix)
    begins = await consumer.beginning_offsets(asked)
    ends = await consumer.end_offsets(asked)
    for place, one in asked.items():
        there = f"{one.topic}/{place.partition} has offsets {begins[place]} to {ends[place]}"
        for offset in filter(None, (one.begin, one.end)):
            if not begins[place] <= offset <= ends[place]:
                raise Unready(f"{there}: not {offset}")
    froms = await _at(consumer, since_ms, begins, ends) if since_ms is not None else begins
    tos = await _at(consumer, until_ms, begins, ends) if until_ms is not None else ends
    found = []
    for place, one in asked.items():
        begin = max(froms[place], one.begin or 0)
        end = tos[place] if one.end is None else min(one.end, tos[place])
        topic = place.topic.removeprefix(prefix)
        found.append(Span(topic=topic, partition=place.partition, begin=begin, end=max(begin, end)))
    return found


async def _there(settings: Settings) -> ClusterMetadata:
    client = AIOKafkaClient(bootstrap_servers=settings.kafka)
    try:
        await client.bootstrap()
        return await client.fetch_all_metadata()
    finally:
        await client.close()


def _partitions(
    there: ClusterMetadata, ranges: Sequence[Range], prefix: str
) -> dict[TopicPartition, Range]:
    """Each partition that is asked for, once."""
    asked: dict[TopicPartition, Range] = {}
    for one in ranges:
        numbers = sorted(there.partitions_for_topic(prefix + one.topic) or ())
        if not numbers:
            topics = [topic for topic in there.topics() if topic.startswith(prefix)]
            own = sorted(topic.removeprefix(prefix) for topic in topics)
            near = get_close_matches(one.topic, own, n=1) or [", ".join(own) or "none"]
            raise Unready(f"there is no topic {one.topic}: did you mean {near[0]}?")
        if one.partition is not None and one.partition not in numbers:
            raise Unready(f"{one.topic} has no partition {one.partition}")
        for number in numbers if one.partition is None else [one.partition]:
            if TopicPartition(prefix + one.topic, number) in asked:
                raise Unready(f"{one.topic}/{number} is asked for twice")
            asked[TopicPartition(prefix + one.topic, number)] = one
    if not asked:
        raise Unready("no topic is asked for")
    return asked


async def _at(
    consumer: AIOKafkaConsumer,
    at_ms: int,
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """The first offset of each partition whose record is of a time or later."""
    found = await consumer.offsets_for_times(dict.fromkeys(begins, max(at_ms, 0)))
    return {place: one.offset if (one := found[place]) else ends[place] for place in begins}


async def slices(
    consumer: AIOKafkaConsumer, wanted: Sequence[Span], settings: Settings, *, length_max: int
) -> AsyncIterator[dict[tuple[str, int], list[ConsumerRecord]]]:
    """What spans hold, as it comes: some records of each of some partitions, in their order.

    `length_max` of them in all at a time. Raises Unavailable where nothing comes of what is there.
    """
    left = {TopicPartition(settings.prefix + one.topic, one.partition): one for one in wanted}
    consumer.assign(list(left))
    for place, one in left.items():
        consumer.seek(place, one.begin)
    heard_s = time.monotonic()
    while left := await _unread(consumer, left):
        fetched = await consumer.getmany(timeout_ms=FETCH_MS, max_records=length_max)
        some = {
            left[place].place: [record for record in records if record.offset < left[place].end]
            for place, records in fetched.items()
            if place in left
        }
        if fetched:
            yield {place: records for place, records in some.items() if records}
            heard_s = time.monotonic()  # what is made of these records may take longer
        elif time.monotonic() - heard_s > STALL_S:
            raise Unavailable("kafka", f"nothing came of {min(left).topic} within {STALL_S:g} s")


async def _unread(
    consumer: AIOKafkaConsumer, left: Mapping[TopicPartition, Span]
) -> dict[TopicPartition, Span]:
    """Those whose end is not reached; the others are fetched no more."""
    unread = {place: one for place, one in left.items() if await consumer.position(place) < one.end}
    if ended := left.keys() - unread.keys():
        consumer.pause(*ended)
    return unread
