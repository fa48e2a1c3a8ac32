"""What a worker does about trouble: waits for stores, tries again, puts aside what fails.

Nothing is lost on the way: a record is done here, or stands in another topic, before it is
committed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import partial
from random import Random
from typing import ClassVar, TypeVar

from msgspec.structs import asdict

from instastream import retries
from instastream.deps import Deps
from instastream.errors import Unavailable, Unready
from instastream.events import Event
from instastream.letters import Origin, Retry, death_of, origin_of, tell
from instastream.metrics import WorkerMetrics
from instastream.retries import DEAD, Hold, Policy, decide
from instastream.settings import Settings
from streams.records import Fetched, headers_of, place_of

HELD = (Unavailable, Unready)  # nothing is skipped where a log is not what it was

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


class Troubled:
    """The part of an app that meets trouble."""

    policy: ClassVar[Policy]

    called: str  # without the namespace
    settings: Settings
    deps: Deps
    metrics: WorkerMetrics
    random: Random
    dated: Collection[str]  # of its topics those whose offsets date what is kept
    delays_s: Mapping[str, float]  # by retry topic

    async def begin_again(self, record: Fetched, retry: Retry) -> None:
        """Handle a record that is due, as it stood when it failed; returns once that is done."""
        raise NotImplementedError  # for apps whose policy names no topic

    def last_words(self, record: Fetched) -> list[Event]:
        """What is to be appended before a record is given up."""
        return []

    async def attempt(
        self, work: Callable[[], Awaitable[None]], record: Fetched, retry: Retry | None = None
    ) -> None:
        """Do it, again and again where that may help; at last put its record aside."""
        attempts = retry.attempts if retry else 0
        while True:
            try:
                return await work()
            except Exception as error:
                attempts += 1
                step = decide(self.policy, error, attempts)
                if not isinstance(step, Hold):
                    return await self.put_aside(record, step.topic, error, attempts, retry)
                logger.warning("held: %s", error, exc_info=error, extra=place_of(record))
                self.metrics.retries(self._topic_of(record)).inc()
                await self.deps.sleep(step.wait_s)

    async def put_aside(
        self,
        record: Fetched,
        to: str,
        error: Exception,
        attempts: int = 1,
        retry: Retry | None = None,
    ) -> None:
        """Where it is tried again later, or among the dead: it must never stop a partition.

        `retry` is what was told of it when it failed before.
        """
        logger.error("%s: %s", to, error, exc_info=error, extra=place_of(record))
        origin = origin_of(retry) if retry else await self._origin_of(record)
        told = None
        if to != DEAD:
            due_ms = self.deps.now_ms() + round(1000 * self.delays_s[to])
            told = Retry(**asdict(origin), attempts=attempts, due_ms=due_ms)
        else:
            await self.append(self.last_words(record))
        headers = tell(told or death_of(origin, error, attempts=attempts))
        append = partial(self.deps.log.append_raw, key=record.key, value=record.value)
        whole = partial(append, to, headers=[*headers_of(record), *headers])
        await self.wait_out(whole, Exception)
        (self.metrics.retries(origin.topic) if told else self.metrics.dead).inc()

    async def check_epoch(self, retry: Retry) -> None:
        """Raise Corrupt where its offset says nothing any more: the topic was made anew since."""
        retry.check_epoch(await self._epoch_of(retry.topic))

    async def append(self, events: Iterable[Event]) -> None:
        """Append what was caused, however long it takes."""
        append = self.deps.log.append
        await asyncio.gather(*(self.wait_out(partial(append, one), Unavailable) for one in events))

    async def wait_out(
        self,
        work: Callable[[], Awaitable[Result]],
        trouble: type[Exception] | tuple[type[Exception], ...],
    ) -> Result:
        """The result of work that is tried again for as long as there is such trouble."""
        try:
            return await work()
        except trouble as error:
            self.waited(error)
        with self.metrics.held.track_inprogress():
            return await retries.wait_out(
                work, trouble, random=self.random, sleep=self.deps.sleep, waited=self.waited
            )

    def waited(self, error: Exception) -> None:
        """Say that something is waited for."""
        logger.warning("%s: trying again", error)
        self.metrics.waits.inc()

    async def _origin_of(self, record: Fetched) -> Origin:
        topic = self._topic_of(record)
        return Origin(
            app=self.called,
            topic=topic,
            partition=record.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp,
            epoch=await self._epoch_of(topic),
        )

    async def _epoch_of(self, topic: str) -> int | None:
        if topic not in self.dated:
            return None
        return await self.wait_out(partial(self.deps.epochs.of, topic), HELD)

    def _topic_of(self, record: Fetched) -> str:
        return record.topic.removeprefix(self.settings.prefix)
