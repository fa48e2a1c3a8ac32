"""Apps that handle each event by itself, many of them at once."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial

from instastream.errors import Corrupt
from instastream.events import Event, Record, decode, type_of
from instastream.handlers.table import NO_LAST_WORDS, Handlers, LastWords
from instastream.letters import Retry
from instastream.progress import Progress
from instastream.retries import OVERTAKEN, RETRY_DELAYS_S
from streams.process import prepare_process
from streams.records import Fetched, handling, place_of
from streams.trouble import HELD
from streams.worker import NO_CHORES, App, Chore, Partition

log = logging.getLogger(__name__)


class EventApp(App):
    """Runs a handler for each event, up to `in_flight` of them at once, in any order."""

    policy = OVERTAKEN

    def __init__(
        self,
        name: str,
        handlers: Handlers,
        *,
        in_flight: int,
        last_words: LastWords = NO_LAST_WORDS,
        chores: Mapping[Chore, float] = NO_CHORES,
        delays_s: Mapping[str, float] = RETRY_DELAYS_S,
        led_by: str = "",
    ) -> None:
        topics = {event.topic for event in handlers}
        super().__init__(name, topics, chores=chores, delays_s=delays_s, led_by=led_by)
        self.handlers = handlers
        self._last_words = last_words
        self._slots = asyncio.Semaphore(in_flight)
        self._again = 0  # of what is under way, tried again

    async def begin(
        self, partition: Partition, records: Sequence[Fetched], generation: int
    ) -> None:
        for record in records:
            await self._slots.acquire()
            if generation != self.consumer_generation_id:  # a rebalance while it waited
                self._slots.release()
                return
            progress = self.progress
            progress.begin(partition, record.offset, at_ms=record.timestamp)
            task = self.run(self._finish(partition, record, progress))
            task.add_done_callback(lambda _: self._slots.release())

    async def _finish(
        self, partition: Partition, record: Fetched, progress: Progress[Partition]
    ) -> None:
        """Handle one event, however long it takes, and mark it done."""
        await self.attempt(partial(self._handle, record), record)
        progress.done(partition, record.offset)

    async def begin_again(self, record: Fetched, retry: Retry) -> None:
        async with self._slots:
            self._again += 1
            try:
                await self.attempt(partial(self._handle_again, record, retry), record, retry)
            finally:
                self._again -= 1

    def in_flight(self) -> int:
        return len(self.running) + self._again

    async def _handle_again(self, record: Fetched, retry: Retry) -> None:
        await self.check_epoch(retry)
        await self._handle(record)

    def last_words(self, record: Fetched) -> list[Event]:
        try:
            event = decode(record.value)
        except Corrupt:
            return []
        say = self._last_words.get(type(event))
        return say(event, self.deps) if say else []

    async def _handle(self, fetched: Fetched) -> None:
        event = decode(fetched.value)
        handler = self.handlers.get(type(event))
        if handler is None:
            return
        record = Record(event, partition=fetched.partition, offset=fetched.offset)
        with handling(event.topic, [fetched]), self.metrics.timed(event):
            caused = await self.wait_out(partial(handler, record, self.deps), HELD)
            await self.append(caused)
        if log.isEnabledFor(logging.INFO):
            log.info("handled %s", type_of(type(event)), extra=place_of(fetched))


def worker(
    name: str,
    handlers: Handlers,
    *,
    in_flight: int,
    last_words: LastWords = NO_LAST_WORDS,
    chores: Mapping[Chore, float] = NO_CHORES,
    led_by: str = "",
) -> EventApp:
    """The app `name`: each event of the handlers' topics is handled at least once, or given up.

    Then its last words are appended. And each chore is done every so many seconds, whether or
    not it failed before: by each worker of the app, or by whoever has the first partition of the
    topic `led_by`.
    """
    prepare_process(name)
    return EventApp(
        name, handlers, in_flight=in_flight, last_words=last_words, chores=chores, led_by=led_by
    )
