"""Records ranges of real topics into a file, in order of time."""

import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from difflib import get_close_matches
from heapq import heapify, heappop, heapreplace
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from instastream.errors import Unavailable, Unready
from instastream.load.into_topics.tapes import VERSION, Header, Span, Taped, Writer
from instastream.log import translated
from instastream.settings import Settings

FETCHED_LENGTH = 500  # records of one partition at a time
FETCH_MS = 500
STALL_S = 30.0  # without a record of a partition that has some
REPORT_LENGTH = 1_000
RANGE = re.compile(r"(?P<topic>[\w.-]+)(?:/(?P<partition>\d+)(?::(?P<begin>\d*)-(?P<end>\d*))?)?")


class Range(Struct, frozen=True, kw_only=True):
    """What is asked for of a topic: of all its partitions or one; of that, offsets in [begin, end).

    What is None is everything that is there.
    """

    topic: str  # without the namespace
    partition: int | None = None
    begin: int | None = None
    end: int | None = None


class Recorded(Struct, frozen=True, kw_only=True):
    """What was recorded so far, of how many records."""

    count: int = 0
    of: int = 0
    size_bytes: int = 0  # of the file


def parse_range(text: str) -> Range:
    """`posts`, `posts/3`, `posts/3:100-200` or `posts/3:100-`; raises Unready."""
    match = RANGE.fullmatch(text)
    if not match:
        raise Unready(f"{text!r} is no range: posts, or posts/3, or posts/3:100-200 is one")
    partition, begin, end = (
        int(match[name]) if match[name] else None for name in ("partition", "begin", "end")
    )
    return Range(topic=match["topic"], partition=partition, begin=begin, end=end)


async def record(
    ranges: Sequence[Range],
    path: Path,
    settings: Settings,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
    report: Callable[[Recorded], None],
) -> Recorded:
    """Write what was appended by now, since and until some times, to a new file (see `tapes`).

    Kafka's timestamps decide, in Unix milliseconds. `report` hears how far it is, and at the end
    however it ends; what was written until then can be replayed. Raises Unready for
    what is not there, Unready where the file is or its disk is full, and Unavailable.
    """
    async with _consuming(settings) as consumer:
        partitions = _partitions(await _there(settings), ranges, settings.prefix)
        spans = await _spans(consumer, partitions, settings.prefix, since_ms, until_ms)
        header = Header(version=VERSION, recorded_ms=time.time_ns() // 1_000_000, spans=spans)
        with Writer(path, header) as writer:
            try:
                async for taped in _in_order(consumer, spans, settings.prefix):
                    writer.write(taped)
                    if writer.count % REPORT_LENGTH == 0:
                        report(_so_far(writer, header))
            finally:
                report(_so_far(writer, header))
    return _so_far(writer, header)


def _so_far(writer: Writer, header: Header) -> Recorded:
    return Recorded(count=writer.count, of=header.offsets, size_bytes=writer.size_bytes)


@asynccontextmanager
async def _consuming(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, auto_offset_reset="none", enable_auto_commit=False
    )
    with translated():
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()


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


async def _spans(
    consumer: AIOKafkaConsumer,
    asked: Mapping[TopicPartition, Range],
    prefix: str,
    since_ms: int | None,
    until_ms: int | None,
) -> list[Span]:
    """From and to which offset each is recorded."""
    begins = await consumer.beginning_offsets(asked)
    ends = await consumer.end_offsets(asked)
    for place, one in asked.items():
        there = f"{one.topic}/{place.partition} has offsets {begins[place]} to {ends[place]}"
        for offset in filter(None, (one.begin, one.end)):
            if not begins[place] <= offset <= ends[place]:
                raise Unready(f"{there}: not {offset}")
    froms = await _at(consumer, since_ms, begins, ends) if since_ms is not None else begins
    tos = await _at(consumer, until_ms, begins, ends) if until_ms is not None else ends
    spans = []
    for place, one in asked.items():
        begin = max(froms[place], one.begin or 0)
        end = tos[place] if one.end is None else min(one.end, tos[place])
        topic = place.topic.removeprefix(prefix)
        spans.append(Span(topic=topic, partition=place.partition, begin=begin, end=max(begin, end)))
    return spans


async def _at(
    consumer: AIOKafkaConsumer,
    at_ms: int,
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """The first offset of each partition whose record is of a time or later."""
    found = await consumer.offsets_for_times(dict.fromkeys(begins, max(at_ms, 0)))
    return {place: one.offset if (one := found[place]) else ends[place] for place in begins}


async def _in_order(
    consumer: AIOKafkaConsumer, spans: Sequence[Span], prefix: str
) -> AsyncIterator[Taped]:
    """The records of all partitions by time; those of each as they stand in it."""
    left = {TopicPartition(prefix + span.topic, span.partition): span.end for span in spans}
    consumer.assign(list(left))
    for span in spans:
        consumer.seek(TopicPartition(prefix + span.topic, span.partition), span.begin)
    fetched = {place: await _fetch(consumer, place, end) for place, end in left.items()}
    heads = [(records[0].timestamp, place) for place, records in fetched.items() if records]
    heapify(heads)
    while heads:
        place = heads[0][1]
        yield _taped(fetched[place].popleft(), prefix)
        if not fetched[place]:
            fetched[place] = await _fetch(consumer, place, left[place])
        if fetched[place]:
            heapreplace(heads, (fetched[place][0].timestamp, place))
        else:
            heappop(heads)


async def _fetch(
    consumer: AIOKafkaConsumer, place: TopicPartition, end: int
) -> deque[ConsumerRecord]:
    """What comes next in a partition; nothing once its end is reached."""
    begun_s = time.monotonic()
    while await consumer.position(place) < end:
        found = await consumer.getmany(place, timeout_ms=FETCH_MS, max_records=FETCHED_LENGTH)
        if records := [one for one in found.get(place, ()) if one.offset < end]:
            return deque(records)
        if time.monotonic() - begun_s > STALL_S:
            raise Unavailable("kafka", f"nothing came of {place.topic} within {STALL_S:g} s")
    return deque()


def _taped(record: ConsumerRecord, prefix: str) -> Taped:
    return Taped(
        topic=record.topic.removeprefix(prefix),
        partition=record.partition,
        offset=record.offset,
        at_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=list(record.headers),
    )
