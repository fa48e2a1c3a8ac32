"""Records ranges of real topics into a file, in order of time."""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from heapq import heapify, heappop, heapreplace
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from instastream.errors import Unavailable
from instastream.load.into_topics.tapes import VERSION, Header, Taped
from instastream.load.jsonlines import Writer
from instastream.ranges import FETCH_MS, STALL_S, Range, Span, consuming, spans
from instastream.settings import Settings

FETCHED_LENGTH = 500  # records of one partition at a time
REPORT_LENGTH = 1_000


class Recorded(Struct, frozen=True, kw_only=True):
    """What was recorded so far, of how many records."""

    count: int = 0
    of: int = 0
    size_bytes: int = 0  # of the file


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
    however it ends; what was written until then can be replayed. Raises Unready for what is not
    there, and where the file is or its disk is full, and Unavailable.
    """
    async with consuming(settings) as consumer:
        found = await spans(consumer, ranges, settings, since_ms=since_ms, until_ms=until_ms)
        header = Header(version=VERSION, recorded_ms=time.time_ns() // 1_000_000, spans=found)
        count = 0

        def so_far() -> Recorded:
            return Recorded(count=count, of=header.offsets, size_bytes=writer.size_bytes)

        with Writer(path) as writer:
            writer.write(header)
            try:
                async for taped in _in_order(consumer, found, settings.prefix):
                    writer.write(taped)
                    count += 1
                    if count % REPORT_LENGTH == 0:
                        report(so_far())
            finally:
                report(so_far())
    return so_far()


async def _in_order(
    consumer: AIOKafkaConsumer, found: Sequence[Span], prefix: str
) -> AsyncIterator[Taped]:
    """The records of all partitions by time; those of each as they stand in it."""
    left = {TopicPartition(prefix + span.topic, span.partition): span.end for span in found}
    consumer.assign(list(left))
    for span in found:
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
