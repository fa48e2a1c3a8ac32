"""The log that everything else is computed from: append and bounded reads, over aiokafka."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from time import monotonic
from typing import Protocol, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import ConsumerRecord, RecordMetadata
from msgspec import Struct

from instastream.errors import Corrupt, Unavailable
from instastream.events import Event, Record, decode_placed, encode, headers
from instastream.limits import DEAD_LETTER_BYTES_MAX
from instastream.metrics import APPEND_FAILURES, APPEND_SECONDS, Stopwatch
from instastream.topics import TopicLife, life_of
from instastream.tracing import begin, messaging

ACK_TIMEOUT_S = 5.0  # a client waits for finalize: better a clear 503 than a spinner
STOP_TIMEOUT_S = 5.0
SILENT_S_MAX = 30.0  # a Kafka that starts again is back by then; if not, nothing is lost
PARTITIONER = DefaultPartitioner()  # the producer's, and that of every client of Kafka
LINGER_MS = 1  # lets what is appended at the same moment share a request

Headers = Sequence[tuple[str, bytes]]
Appended = TypeVar("Appended", bound=Event)


class Raw(Struct, frozen=True):
    """Whatever stands in a topic, an event or not."""

    partition: int
    offset: int
    timestamp_ms: int  # when it was appended
    key: bytes | None
    value: bytes | None
    headers: Headers


class EventLog(Protocol):
    """An append-only log of events, in partitions by key."""

    async def append(self, event: Appended) -> Record[Appended]:
        """Append and wait until it is durable; raises Unavailable when that is not known."""

    async def append_raw(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        """Append bytes as they are: what dead letters are made of."""

    def read(self, topic: str) -> AsyncIterator[Record[Event]]:
        """Every event in a topic up to its end as of now, partition by partition.

        Records that hold none, or one of another topic or key, are left out: nobody counts them.
        """

    def read_raw(self, topic: str) -> AsyncGenerator[Raw, None]:
        """Everything in a topic up to its end as of now, partition by partition."""

    def read_key(
        self, topic: str, key: str, *, since_ms: int, records_max: int | None = None
    ) -> AsyncIterator[Record[Event]]:
        """The events of one key that were appended since some time, up to its end as of now.

        Everything else in its partition is read over: `records_max` of the latest at most.
        """

    async def ping(self) -> None:
        """Raise Unavailable unless the log answers."""


class KafkaLog:
    """EventLog on Kafka, acks=all, idempotent; use as an async context manager."""

    def __init__(self, bootstrap: str, *, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._silent_since_s: float | None = None
        self._abandoned: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "KafkaLog":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._producer:
            await stop(self._producer)
        await asyncio.gather(*self._abandoned)

    async def append(self, event: Appended) -> Record[Appended]:
        with begin("producer") as work:
            if work.told:
                work.tell(f"append {event.topic}", **messaging(event.topic))
            metadata = await self._send(
                event.topic,
                key=event.key.encode(),
                value=encode(event),
                headers=headers(event, work.traceparent),
            )
        return Record(event, partition=metadata.partition, offset=metadata.offset)

    async def append_raw(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        if value is None:
            key = key or b""  # clients refuse a record with neither
        await self._send(topic, key=key, value=value, headers=headers)

    async def read(self, topic: str) -> AsyncIterator[Record[Event]]:
        async with aclosing(self._fetched(topic)) as fetched:
            async for messages in fetched:
                for message in messages:
                    if event := _placed(topic, message):
                        yield Record(event, message.partition, message.offset)

    async def read_raw(self, topic: str) -> AsyncGenerator[Raw, None]:
        async with aclosing(self._fetched(topic)) as fetched:
            async for messages in fetched:
                for message in messages:
                    yield Raw(
                        partition=message.partition,
                        offset=message.offset,
                        timestamp_ms=message.timestamp,
                        key=message.key,
                        value=message.value,
                        headers=message.headers,
                    )

    async def _fetched(self, topic: str) -> AsyncGenerator[list[ConsumerRecord], None]:
        """A topic up to its end as of now, as it arrives: records of one partition at a time."""
        consumer = AIOKafkaConsumer(
            self._prefix + topic,
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
        )
        with translated():
            try:
                await consumer.start()
                ends = await consumer.end_offsets(consumer.assignment())
                while await _behind(consumer, ends):
                    for partition, messages in (await consumer.getmany(timeout_ms=500)).items():
                        yield [one for one in messages if one.offset < ends[partition]]
            finally:
                await consumer.stop()  # also when it has failed, or was cancelled, at its start

    async def read_key(
        self, topic: str, key: str, *, since_ms: int, records_max: int | None = None
    ) -> AsyncIterator[Record[Event]]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap)
        with translated():
            async with consumer:
                partition = await self._partition_of(self._prefix + topic, key)
                ends = await consumer.end_offsets([partition])
                begins = [await _first(consumer, partition, since_ms, ends[partition])]
                if records_max is not None:
                    begins.append(ends[partition] - records_max)
                consumer.assign([partition])
                consumer.seek(partition, max(begins))
                while await _behind(consumer, ends):
                    for messages in (await consumer.getmany(timeout_ms=500)).values():
                        for message in messages:
                            if message.key != key.encode() or message.offset >= ends[partition]:
                                continue
                            if event := _placed(topic, message):
                                yield Record(event, message.partition, message.offset)

    async def life(self, topic: str) -> TopicLife:
        """The topic that has this name now; raises Unavailable when that is not known."""
        with translated():
            async with asyncio.timeout(ACK_TIMEOUT_S):
                client = (await self._started()).client
                with unbroken():
                    return await life_of(client, self._prefix + topic)

    async def _partition_of(self, topic: str, key: str) -> TopicPartition:
        """Where the producer puts a key."""
        partitions = sorted(await (await self._started()).partitions_for(topic))
        return TopicPartition(topic, PARTITIONER(key.encode(), partitions, partitions))

    async def ping(self) -> None:
        with translated():
            async with asyncio.timeout(ACK_TIMEOUT_S):
                await (await self._started()).client.fetch_all_metadata()

    async def _send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers
    ) -> RecordMetadata:
        with _counted(topic), translated(), self._listening():
            async with asyncio.timeout(ACK_TIMEOUT_S):
                producer = await self._started()
                try:
                    return await producer.send_and_wait(
                        self._prefix + topic, value, key=key, headers=headers
                    )
                except KafkaError as error:
                    if not error.retriable:
                        self._abandon(producer)
                    raise

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """An append: a producer that acknowledges none for long may have come to a halt."""
        try:
            yield
        except TimeoutError:
            self._silent_since_s = self._silent_since_s or monotonic()
            if self._producer and monotonic() - self._silent_since_s > SILENT_S_MAX:
                self._abandon(self._producer)
                self._silent_since_s = None
            raise
        self._silent_since_s = None

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                self._producer = await self._start()
        return self._producer

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            enable_idempotence=True,
            acks="all",
            linger_ms=LINGER_MS,
            max_request_size=DEAD_LETTER_BYTES_MAX,
        )
        try:
            await producer.start()
        except BaseException:  # also when whoever asked has given up
            await stop(producer)
            raise
        return producer

    def _abandon(self, producer: AIOKafkaProducer) -> None:
        """One whose sequence broke, or whose sender died, never recovers (aiokafka #1017)."""
        if self._producer is producer:
            self._producer = None
            self._abandoned.append(asyncio.create_task(stop(producer)))


async def stop(producer: AIOKafkaProducer) -> None:
    """Send what waits, within limits: without Kafka an idempotent producer would try for ever."""
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await producer.stop()
    await producer.client.close()


@contextmanager
def translated() -> Iterator[None]:
    """What Kafka's client raises, as Unavailable, or as Corrupt where a record is too large."""
    try:
        yield
    except MessageSizeTooLargeError as error:
        raise Corrupt("too-large", str(error)) from error
    except (KafkaError, OSError) as error:  # of which TimeoutError is one
        raise Unavailable("kafka", error or "no acknowledgement in time") from error


@contextmanager
def unbroken() -> Iterator[None]:
    """What uvloop raises of a connection that closes at that moment, as Unavailable."""
    try:
        yield
    except RuntimeError as error:
        raise Unavailable("kafka", str(error)) from error


@contextmanager
def _counted(topic: str) -> Iterator[None]:
    """An append: how long it took, or that it was not acknowledged."""
    stopwatch = Stopwatch()
    try:
        yield
    except Unavailable:
        APPEND_FAILURES.labels(topic).inc()
        raise
    APPEND_SECONDS.labels(topic).observe(stopwatch.seconds)


def _placed(topic: str, message: ConsumerRecord) -> Event | None:
    with suppress(Corrupt):
        return decode_placed(message.value, topic=topic, key=message.key)
    return None


async def _first(
    consumer: AIOKafkaConsumer, partition: TopicPartition, since_ms: int, end: int
) -> int:
    """Where what was appended since some time begins."""
    found = (await consumer.offsets_for_times({partition: max(since_ms, 0)}))[partition]
    return found.offset if found else end


async def _behind(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    return any([await consumer.position(partition) < end for partition, end in ends.items()])
