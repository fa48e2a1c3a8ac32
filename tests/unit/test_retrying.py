"""An app is handed what it failed at, when it is due; its group takes it for alive meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, KafkaError
from aiokafka.structs import ConsumerRecord
from msgspec.structs import replace

from instastream.deps import Deps
from instastream.letters import Retry, tell
from instastream.limits import RETRIES_AT_ONCE
from instastream.retries import RETRY_DELAYS_S
from streams import retrying
from streams.retrying import Retries
from tests.conftest import IN_MEMORY

SOON, LATER = TopicPartition("n.retry.5s", 0), TopicPartition("n.retry.10m", 0)
RETRY = Retry(
    app="feeds", topic="media", partition=3, offset=14, timestamp_ms=15, attempts=2, due_ms=0
)


def record(partition: TopicPartition, offset: int, retry: Retry | None = RETRY) -> ConsumerRecord:
    """As it lies in a retry topic."""
    headers = [("a", b"header"), *(tell(retry) if retry else [])]
    return ConsumerRecord(
        partition.topic, partition.partition, offset, 1, 0, b"key", b"value", None, 3, 5, headers
    )


class Consumer:
    """Of a Kafka that has these records; every consumer that was made."""

    made: ClassVar[list["Consumer"]] = []
    waiting: ClassVar[list[ConsumerRecord]] = []
    troubles: ClassVar[list[Exception]] = []

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.polls = 0
        self.stopped = False
        self.paused: set[TopicPartition] = set()
        self.committed: dict[TopicPartition, int] = {}
        self.made.append(self)

    def subscribe(self, topics: list[str], *, listener: ConsumerRebalanceListener) -> None:
        self.topics = topics
        self.listener = listener

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopped = True

    def pause(self, partition: TopicPartition) -> None:
        self.paused.add(partition)

    def resume(self, partition: TopicPartition) -> None:
        self.paused.discard(partition)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.troubles:
            raise self.troubles.pop()
        self.committed |= offsets

    async def getmany(
        self, *, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        assert timeout_ms > 0, "or nothing that comes would be waited for"
        self.polls += 1
        await asyncio.sleep(0)
        found: dict[TopicPartition, list[ConsumerRecord]] = {}
        for one in list(self.waiting):
            partition = TopicPartition(one.topic, one.partition)
            if partition not in self.paused and sum(map(len, found.values())) < max_records:
                found.setdefault(partition, []).append(one)
                self.waiting.remove(one)
        return found


class World:
    """What was begun again, a clock, and whoever waits for it."""

    def __init__(self) -> None:
        self.begun: list[tuple[ConsumerRecord, Retry]] = []
        self.errors: list[Exception] = []
        self.slept_s: list[float] = []
        self.time_passes = asyncio.Event()
        self.time_passes.set()
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def begin_again(self, record: ConsumerRecord, retry: Retry) -> None:
        self.begun.append((record, retry))
        await self.may_end.wait()

    async def sleep(self, wait_s: float) -> None:
        self.slept_s.append(wait_s)
        if wait_s > 0:
            await self.time_passes.wait()

    def retries(self) -> Retries:
        deps: Any = SimpleNamespace(now_ms=lambda: 1_000_000, sleep=self.sleep)
        settings = replace(IN_MEMORY, namespace="n")
        return Retries("feeds", settings, RETRY_DELAYS_S, cast(Deps, deps), self.begin_again)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(retrying, "AIOKafkaConsumer", Consumer)
    Consumer.made, Consumer.waiting, Consumer.troubles = [], [], []
    return World()


@asynccontextmanager
async def running(world: World, *records: ConsumerRecord) -> AsyncIterator[Retries]:
    """After all that can be done with these was done."""
    Consumer.waiting.extend(records)
    retries = world.retries()
    task = asyncio.create_task(retries.run(Random(1), world.errors.append))
    await a_moment()
    try:
        yield retries
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def a_moment() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_record_is_handed_back_as_it_stood(world: World) -> None:
    async with running(world, record(SOON, 7)):
        [(handed, retry)] = world.begun
    assert retry == RETRY
    place = (handed.topic, handed.partition, handed.offset, handed.timestamp)
    assert place == ("n.media", 3, 14, 15)
    assert (handed.key, handed.value) == (b"key", b"value")
    assert handed.headers == [("a", b"header")]
    [consumer] = Consumer.made
    assert consumer.committed == {SOON: 8}
    assert not consumer.paused
    assert consumer.stopped
    assert consumer.topics == ["n.retry.5s", "n.retry.1m", "n.retry.10m"]
    assert consumer.options == {
        "bootstrap_servers": IN_MEMORY.kafka,
        "group_id": "n.feeds.retry",
        "auto_offset_reset": "earliest",  # also what failed before it ever ran
        "enable_auto_commit": False,  # only what is done
    }


async def test_what_others_failed_at_and_what_nobody_did_is_passed_over_at_once(
    world: World,
) -> None:
    others = replace(RETRY, app="posts", due_ms=2_000_000)
    async with running(world, record(SOON, 7, others), record(SOON, 8, None)):
        [consumer] = Consumer.made
        assert consumer.committed == {SOON: 9}
    assert (world.begun, world.slept_s) == ([], [])


async def test_what_is_not_due_waits_and_holds_up_nobody_else(world: World) -> None:
    world.time_passes.clear()
    late = record(LATER, 3, replace(RETRY, due_ms=1_300_000))
    async with running(world, late, record(SOON, 7)):
        [consumer] = Consumer.made
        assert [handed.offset for handed, _ in world.begun] == [14]
        assert consumer.committed == {SOON: 8}
        assert consumer.paused == {LATER}
        polls = consumer.polls
        await a_moment()
        assert consumer.polls > polls, "or its group would take it for dead"
        assert sorted(world.slept_s) == [0.0, 300.0]
        world.time_passes.set()
        await a_moment()
        assert len(world.begun) == 2
        assert consumer.committed == {SOON: 8, LATER: 4}
        assert not consumer.paused


async def test_a_clock_that_is_wrong_delays_nothing_for_longer_than_its_topic(
    world: World,
) -> None:
    async with running(world, record(SOON, 7, replace(RETRY, due_ms=10**15))):
        assert world.slept_s == [5.0]


async def test_nothing_is_committed_before_all_that_was_fetched_with_it_is_done(
    world: World,
) -> None:
    world.may_end.clear()
    async with running(world, record(SOON, 7), record(SOON, 8)):
        [consumer] = Consumer.made
        assert len(world.begun) == 2
        assert consumer.committed == {}
        world.may_end.set()
        await a_moment()
        assert consumer.committed == {SOON: 9}


async def test_so_many_are_begun_at_once_and_no_more(world: World) -> None:
    world.may_end.clear()
    async with running(world, *(record(SOON, n) for n in range(RETRIES_AT_ONCE + 1))):
        assert len(world.begun) == RETRIES_AT_ONCE
        world.may_end.set()
        await a_moment()
        assert len(world.begun) == RETRIES_AT_ONCE + 1


async def test_what_is_under_way_as_a_partition_goes_is_left_to_whoever_has_it_next(
    world: World,
) -> None:
    world.may_end.clear()
    async with running(world, record(SOON, 7)):
        await Consumer.made[0].listener.on_partitions_revoked([SOON, LATER])
        world.may_end.set()
        await a_moment()
    assert Consumer.made[0].committed == {}


async def test_whoever_waits_for_what_is_not_due_does_not_stand_still(world: World) -> None:
    world.time_passes.clear()
    async with running(world, record(LATER, 3, replace(RETRY, due_ms=1_300_000))) as retries:
        assert retries.in_flight() == 1
        world.time_passes.set()
        await a_moment()
        assert retries.in_flight() == 0


CLOSED = RuntimeError("the handler is closed")  # uvloop's, of a connection that closes that moment


@pytest.mark.parametrize("trouble", [CommitFailedError(), KafkaError(), CLOSED])
async def test_whatever_kafka_answers_the_rest_is_handled(world: World, trouble: Exception) -> None:
    Consumer.troubles = [trouble]
    async with running(world, record(SOON, 7)):
        Consumer.waiting.append(record(LATER, 3))
        await a_moment()
        assert Consumer.made[-1].committed == {LATER: 4}
    anew = not isinstance(trouble, CommitFailedError)
    assert len(Consumer.made) == 1 + anew
    assert [error.__cause__ or error for error in world.errors] == [trouble] * anew


async def test_what_ends_before_its_end_stops_the_worker_and_is_not_committed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled(record: ConsumerRecord, retry: Retry) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(world, "begin_again", cancelled)
    with pytest.raises(RuntimeError, match="not handled to its end"):
        async with running(world, record(SOON, 7)):
            assert Consumer.made[0].committed == {}
