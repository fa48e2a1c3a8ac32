"""Consumers that are sent back to the beginning, records that come again, and poison."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from random import Random

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from infra import local
from infra.provision import topics
from instastream.lag import READ
from instastream.retries import RETRY_DELAYS_S
from tests.nemesis.target import Target
from tests.nemesis.traces import Place, Traces

# Of what these say nothing is taken back by saying it again; elsewhere the last word counts, and
# an old word that is said again is a new one.
REPEATABLE = ("uploads", "media", "users", "fanout")
REPEATED = 30  # the latest of each partition
COMMIT_S = 15.0  # a member that left without a word is waited for six seconds
POISON = (
    b"",
    b"\xff\x00 no event",
    b"[]",
    b'{"type":"media.ready.v1"}',
    b'{"type":"nobody.knows.v1","post_id":"1"}',
    b"{" * 10_000,
)


@asynccontextmanager
async def rewind(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """Every worker's committed offsets are 0: all that ever was is handled again."""
    await asyncio.gather(*(target.stop(worker) for worker in local.WORKERS))
    for worker in local.WORKERS:
        await _commit_zero(target, worker)
    try:
        yield Traces()
    finally:
        await asyncio.gather(*(target.start(worker) for worker in local.WORKERS))


async def _commit_zero(target: Target, worker: str) -> None:
    prefix, known = target.settings.prefix, topics()
    async with AIOKafkaConsumer(
        bootstrap_servers=target.settings.kafka,
        group_id=prefix + worker,
        enable_auto_commit=False,
    ) as consumer:
        partitions = [
            TopicPartition(prefix + topic, partition)
            for topic in READ[worker]
            for partition in range(known[topic].partitions)
        ]
        consumer.assign(partitions)
        async with asyncio.timeout(COMMIT_S):
            while True:
                try:
                    return await consumer.commit(dict.fromkeys(partitions, 0))
                except KafkaError:  # a member is still there
                    await asyncio.sleep(0.5)


@asynccontextmanager
async def repeat(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """Records are appended again, as by a producer that knows nothing of idempotence."""
    async with AIOKafkaProducer(bootstrap_servers=target.settings.kafka) as producer:
        for record in await _latest(target, REPEATABLE):
            for _ in range(random.randint(1, 2)):
                await producer.send_and_wait(
                    record.topic, record.value, key=record.key, headers=list(record.headers)
                )
    yield Traces()


async def _latest(target: Target, of: Iterable[str]) -> list[ConsumerRecord]:
    """The latest of each partition."""
    names = [target.settings.prefix + topic for topic in of]
    found: list[ConsumerRecord] = []
    async with AIOKafkaConsumer(*names, bootstrap_servers=target.settings.kafka) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        for partition, end in ends.items():
            consumer.seek(partition, max(0, end - REPEATED))
        while any([await consumer.position(one) < end for one, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                found += batch
    return found


@asynccontextmanager
async def poison(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """What is no event comes in every topic; in those of retries it is nobody's."""
    traces = Traces()
    async with AIOKafkaProducer(bootstrap_servers=target.settings.kafka) as producer:
        for topic in sorted(set().union(*READ.values())):
            for value in (*POISON, None):
                key = random.randbytes(8)
                sent = await producer.send_and_wait(
                    target.settings.prefix + topic, value, key=key, headers=[("a", b"header")]
                )
                if topic not in RETRY_DELAYS_S:
                    traces.poison.append(Place(topic, sent.partition, sent.offset))
    target.poisoned.update(traces.poison)
    yield traces
