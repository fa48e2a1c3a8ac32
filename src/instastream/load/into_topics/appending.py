"""Records into the batches of their partitions, in order, many at once, acks=all.

aiokafka's `send` costs a future, a lock and a hash in Python for each record; here a record costs
one append to the batch of its partition.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Hashable, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TypeAlias, TypeVar

from aiokafka import AIOKafkaProducer
from msgspec import Struct

from instastream.errors import Unavailable, Unready
from instastream.log import PARTITIONER, stop, translated
from instastream.settings import Settings

BATCH_BYTES = 128 * 1024  # a request has one of each partition: far from what a broker refuses
UNDER_WAY_MAX = 256  # batches that are not acknowledged yet: 32 MB
STALL_S = 30.0  # without one acknowledgement: longer than a broker takes to start again
KEYS_KNOWN = 1 << 17  # whose partition is remembered: 30 MB

Place: TypeAlias = tuple[str, int]  # topic and partition
Answer = TypeVar("Answer")


class Outgoing(Struct, frozen=True, gc=False):
    """A record to append, `due_s` after the beginning (None: as soon as possible)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    due_s: float | None = None
    partition: int = 0  # where it goes without a key
    mark: Hashable = None  # what `offset_of` knows it by


class Batch:
    """Records of one partition; `acked` is the offset of the first, once it has one."""

    __slots__ = ("acked", "begun_s", "builder", "place")

    def __init__(self, producer: AIOKafkaProducer, place: Place, begun_s: float) -> None:
        self.builder = producer.create_batch()
        self.place = place
        self.begun_s = begun_s
        self.acked: asyncio.Future[int] = asyncio.get_running_loop().create_future()


@asynccontextmanager
async def appending(settings: Settings) -> AsyncIterator["Appender"]:
    """What appends to the topics of a namespace; raises Unavailable where Kafka is not there."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka,
        enable_idempotence=True,
        acks="all",
        max_batch_size=BATCH_BYTES,
    )
    try:
        with translated():
            await producer.start()
        yield Appender(producer, prefix=settings.prefix)
    finally:
        await stop(producer)


class Appender:
    """The open batch of each partition, and what was sent."""

    def __init__(self, producer: AIOKafkaProducer, *, prefix: str) -> None:
        self.count = 0  # of records that are acknowledged
        self.size_bytes = 0  # of their batches, as they are on the wire
        self._producer = producer
        self._prefix = prefix
        self._partitions: dict[str, list[int]] = {}
        self._open: dict[Place, Batch] = {}
        self._full: list[Batch] = []
        self._turns: defaultdict[Place, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._room = asyncio.Semaphore(UNDER_WAY_MAX)
        self._under_way: set[asyncio.Task[None]] = set()
        self._marked: dict[Hashable, tuple[Batch, int]] = {}
        self._failure: BaseException | None = None
        self._place = lru_cache(maxsize=KEYS_KNOWN)(self._place_of)

    async def know(self, topics: Iterable[str]) -> None:
        """Before records of topics are added; raises Unready where there is no such topic."""
        with translated():
            there = await self._producer.client.fetch_all_metadata()
        for topic in topics:
            partitions = there.partitions_for_topic(self._prefix + topic)
            if not partitions:
                raise Unready(f"there is no topic {self._prefix}{topic}")
            self._partitions[topic] = sorted(partitions)

    def add(self, one: Outgoing, now_s: float) -> None:
        """Put a record into the batch of its partition."""
        key, value, headers = one.key, one.value, one.headers
        place = self._place(one.topic, key) if key is not None else self._keyless(one)
        batch = self._open.get(place) or self._begin(place, now_s)
        # None where it is full; what is larger than a batch has one of its own.
        if not batch.builder.append(timestamp=None, key=key, value=value, headers=headers):
            self._full.append(batch)
            batch = self._begin(place, now_s)
            batch.builder.append(timestamp=None, key=key, value=value, headers=headers)
        if one.mark is not None:
            self._marked[one.mark] = batch, batch.builder.record_count() - 1

    async def send_full(self) -> None:
        """Send what is full; waits while too much is under way."""
        full, self._full = self._full, []
        for batch in full:
            await self._send(batch)
        await asyncio.sleep(0)  # or what sends would never have its turn

    async def send_begun(self, before_s: float) -> None:
        """Send what was begun before a time, full or not."""
        await self.send_full()
        for place, batch in list(self._open.items()):
            if batch.begun_s < before_s:
                del self._open[place]
                await self._send(batch)

    async def offset_of(self, mark: Hashable) -> int | None:
        """Where in its partition a marked record stands, once it does; None of what is not."""
        if mark not in self._marked:
            return None
        batch, at = self._marked[mark]
        await self.send_full()
        if self._open.get(batch.place) is batch:
            del self._open[batch.place]
            await self._send(batch)
        await _in_time(asyncio.wait([batch.acked]))
        self._check()
        return batch.acked.result() + at

    async def settle(self) -> None:
        """Everything that was added is acknowledged; raises Unavailable where it is not."""
        await self.send_begun(float("inf"))
        while self._under_way:
            await _in_time(asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED))
        self._check()

    def _begin(self, place: Place, now_s: float) -> Batch:
        batch = self._open[place] = Batch(self._producer, place, now_s)
        return batch

    def _keyless(self, one: Outgoing) -> Place:
        partitions = self._partitions[one.topic]
        return one.topic, partitions[one.partition % len(partitions)]

    def _place_of(self, topic: str, key: bytes) -> Place:
        partitions = self._partitions[topic]
        return topic, PARTITIONER(key, partitions, partitions)

    async def _send(self, batch: Batch) -> None:
        self._check()
        batch.builder.close()
        await _in_time(self._room.acquire())
        task = asyncio.create_task(self._deliver(batch))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _deliver(self, batch: Batch) -> None:
        """Behind those of its partition that came before it."""
        topic, partition = batch.place
        try:
            async with self._turns[batch.place]:
                sent = await self._producer.send_batch(
                    batch.builder, self._prefix + topic, partition=partition
                )
            batch.acked.set_result((await sent).offset)
        except Exception as error:  # whoever appends next raises it
            self._failure = self._failure or error
            batch.acked.cancel()
            return
        finally:
            self._room.release()
        self.count += batch.builder.record_count()
        self.size_bytes += batch.builder.size()
        del batch.builder  # what is marked keeps the batch

    def _check(self) -> None:
        """Raise what a batch failed with."""
        if self._failure:
            with translated():
                raise self._failure


async def _in_time(answer: Awaitable[Answer]) -> Answer:
    try:
        async with asyncio.timeout(STALL_S):
            return await answer
    except TimeoutError as error:
        raise Unavailable("kafka", f"no acknowledgement within {STALL_S:g} s") from error
