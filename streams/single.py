"""Apps that handle each event by itself, many of them at once."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from instastream.events import Record, decode
from instastream.handlers.table import Handlers
from instastream.progress import Progress
from streams.worker import (
    HELD,
    NO_CHORES,
    App,
    Chore,
    Fetched,
    Partition,
    continue_trace_of,
    prepare_process,
)


class EventApp(App):
    """Runs a handler for each event, up to `in_flight` of them at once."""

    def __init__(
        self,
        name: str,
        handlers: Handlers,
        *,
        in_flight: int,
        chores: Mapping[Chore, float] = NO_CHORES,
    ) -> None:
        super().__init__(name, {event.topic for event in handlers}, chores=chores)
        self.handlers = handlers
        self._slots = asyncio.Semaphore(in_flight)

    async def begin(
        self, partition: Partition, records: Sequence[Fetched], generation: int
    ) -> None:
        for record in records:
            await self._slots.acquire()
            if generation != self.consumer_generation_id:  # a rebalance while it waited
                self._slots.release()
                return
            progress = self.progress
            progress.begin(partition, record.offset)
            task = self.run(self._finish(partition, record, progress))
            task.add_done_callback(lambda _: self._slots.release())

    async def _finish(
        self, partition: Partition, record: Fetched, progress: Progress[Partition]
    ) -> None:
        """Handle one event, however long it takes, and mark it done."""
        try:
            await self._handle(record)
        except Exception as error:
            await self.bury(record, error)
        progress.done(partition, record.offset)

    async def _handle(self, fetched: Fetched) -> None:
        event = decode(fetched.value)
        handler = self.handlers.get(type(event))
        if handler is None:
            return
        continue_trace_of(fetched)
        record = Record(event, partition=fetched.partition, offset=fetched.offset)
        with self.metrics.timed(event):
            caused = await self.wait_out(partial(handler, record, self.deps), HELD)
            await self.append(caused)


def worker(
    name: str,
    handlers: Handlers,
    *,
    in_flight: int,
    chores: Mapping[Chore, float] = NO_CHORES,
) -> EventApp:
    """The app `name`: each event of the handlers' topics is handled at least once.

    And each chore is done every so many seconds, whether or not it failed before.
    """
    prepare_process()
    return EventApp(name, handlers, in_flight=in_flight, chores=chores)
