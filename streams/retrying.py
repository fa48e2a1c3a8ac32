"""Hands records back to the app that failed at them, once they are due, and to no other.

Every app reads all retry topics, in a consumer group of its own, and passes over what others
failed at. A partition whose records are not due is paused, and asked for nothing: its consumer
goes on polling, so that nobody takes it for dead.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.letters import Retry, own, read
from instastream.limits import RETRIES_AT_ONCE
from instastream.log import unbroken
from instastream.retries import retry_group, wait_out
from instastream.settings import Settings

POLL_MS = 1_000  # far less than a group waits for a member that does not poll

BeginAgain = Callable[[ConsumerRecord, Retry], Awaitable[None]]  # returns once that is done
logger = logging.getLogger(__name__)


class Retries(ConsumerRebalanceListener):
    """What one app failed at, some records of each partition at a time, in any order."""

    def __init__(
        self,
        app: str,
        settings: Settings,
        delays_s: Mapping[str, float],
        deps: Deps,
        begin_again: BeginAgain,
    ) -> None:
        self._app = app
        self._settings = settings
        self._delays_s = {settings.prefix + topic: s for topic, s in delays_s.items()}
        self._deps = deps
        self._begin_again = begin_again
        self._consumer: AIOKafkaConsumer | None = None
        self._under_way: dict[TopicPartition, asyncio.Task[None]] = {}

    def assignment(self) -> Collection[TopicPartition]:
        """The partitions that it has."""
        return self._consumer.assignment() if self._consumer else ()

    def in_flight(self) -> int:
        """In how many of them records wait, or are begun again."""
        return sum(not task.done() for task in self._under_way.values())

    async def run(self, random: Random, waited: Callable[[Exception], None]) -> None:
        """Until it is cancelled; begins anew where Kafka's client gives up."""
        trouble, sleep = (KafkaError, OSError, Unavailable), self._deps.sleep
        await wait_out(self._consume, trouble, random=random, sleep=sleep, waited=waited)

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka,
            group_id=self._settings.prefix + retry_group(self._app),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        consumer.subscribe([*self._delays_s], listener=self)
        self._consumer = consumer
        try:
            await consumer.start()
            while True:
                fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=RETRIES_AT_ONCE)
                for partition, records in fetched.items():
                    consumer.pause(partition)
                    work = self._finish(consumer, partition, records)
                    self._under_way[partition] = asyncio.create_task(work)
                self._check()
        finally:
            await self.on_partitions_revoked([*self._under_way])
            await consumer.stop()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Whoever has them next begins at what was committed."""
        tasks = [self._under_way.pop(one) for one in revoked if one in self._under_way]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """They are read from what was committed."""

    def _check(self) -> None:
        """Raise what went wrong."""
        for partition, task in list(self._under_way.items()):
            if task.done():
                del self._under_way[partition]
                task.result()

    async def _finish(
        self,
        consumer: AIOKafkaConsumer,
        partition: TopicPartition,
        records: Sequence[ConsumerRecord],
    ) -> None:
        """Handle some records, each when it is due, and go on after them."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._handle(record)) for record in records]
        if any(task.cancelled() for task in tasks):  # from within: a group takes that for done
            raise RuntimeError(f"{partition} was not handled to its end")
        # Another may have it: all is done again.
        with unbroken(), suppress(CommitFailedError, IllegalStateError):
            await consumer.commit({partition: records[-1].offset + 1})
            consumer.resume(partition)

    async def _handle(self, record: ConsumerRecord) -> None:
        headers = list(record.headers)
        retry = read(Retry, headers)
        if retry is None:
            logger.warning("nobody's: %s %s %s", record.topic, record.partition, record.offset)
        elif retry.app == self._app:
            await self._deps.sleep(self._wait_s(record, retry))
            await self._begin_again(_as_it_stood(record, retry, self._settings.prefix), retry)

    def _wait_s(self, record: ConsumerRecord, retry: Retry) -> float:
        """Until it is due: no longer than its topic says, whatever the clock of whoever put it."""
        wait_s = (retry.due_ms - self._deps.now_ms()) / 1000
        return min(max(wait_s, 0.0), self._delays_s[record.topic])


def _as_it_stood(record: ConsumerRecord, retry: Retry, prefix: str) -> ConsumerRecord:
    return replace(
        record,
        topic=prefix + retry.topic,
        partition=retry.partition,
        offset=retry.offset,
        timestamp=retry.timestamp_ms,
        headers=own(Retry, record.headers),
    )
