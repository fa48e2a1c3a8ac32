"""Apps that handle the events of a partition in order, as many at a time as have come."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial

from instastream.batches import Batches, in_halves
from instastream.errors import Corrupt
from instastream.events import Event, Record, decode_placed
from instastream.handlers.table import BatchHandlers
from instastream.limits import (
    BATCH_FETCHED_BYTES_MAX,
    BATCHES_BYTES_MAX,
    COUNT_BATCH_LENGTH,
    FETCHED_RECORD_BYTES,
)
from instastream.progress import Progress
from instastream.retries import DEAD, IN_ORDER
from streams.process import prepare_process
from streams.records import Fetched, handling, places_of
from streams.trouble import HELD
from streams.worker import NO_CHORES, App, Chore, Partition

log = logging.getLogger(__name__)


class BatchApp(App):
    """Runs a handler for each batch: of one partition one at a time, of several at once."""

    policy = IN_ORDER

    def __init__(
        self, name: str, handlers: BatchHandlers, *, chores: Mapping[Chore, float] = NO_CHORES
    ) -> None:
        super().__init__(
            name, handlers.keys(), chores=chores, fetched_bytes_max=BATCH_FETCHED_BYTES_MAX
        )
        self.handlers = handlers
        self._generation: int | None = None
        self._in_flight = 0
        self._batches: Batches[Partition, Fetched] = Batches(
            length_max=COUNT_BATCH_LENGTH, bytes_max=BATCHES_BYTES_MAX, size_bytes=_size_bytes
        )

    async def begin(
        self, partition: Partition, records: Sequence[Fetched], generation: int
    ) -> None:
        if generation != self._generation:
            self.forget()
            self._generation = generation
        self._batches.add(partition, records)
        self._begin_batches()
        while self._batches.full:
            await asyncio.wait(self.running, return_when=asyncio.FIRST_COMPLETED)

    def forget(self) -> None:
        self._batches.forget()

    def in_flight(self) -> int:
        return self._in_flight

    def _begin_batches(self) -> None:
        if self._generation != self.consumer_generation_id:
            self.forget()  # it is read again, here or elsewhere
        while batch := self._batches.begin():
            partition, records = batch
            for record in (records[0], records[-1]):
                self.progress.begin(partition, record.offset, at_ms=record.timestamp)
            self._in_flight += len(records)
            self.run(self._finish(partition, records, self.progress))

    async def _finish(
        self, partition: Partition, records: Sequence[Fetched], progress: Progress[Partition]
    ) -> None:
        """Handle one batch, however long it takes, and mark it done."""
        topic = records[0].topic.removeprefix(self.settings.prefix)
        with handling(topic, records):
            sound = await self._sound(topic, records)
            await in_halves(sound, partial(self._handle, topic), partial(self._handle_alone, topic))
        if log.isEnabledFor(logging.INFO):
            log.info("handled %d of %s", len(records), topic, extra=places_of(records))
        for offset in _ends(records):
            progress.done(partition, offset)
        self._in_flight -= len(records)
        self._batches.done(partition)
        self._begin_batches()

    async def _sound(
        self, topic: str, records: Sequence[Fetched]
    ) -> list[tuple[Fetched, Record[Event]]]:
        """Those that hold an event of the topic, under its key; the others are buried."""
        sound = []
        for record in records:
            try:
                sound.append((record, _read(topic, record)))
            except Corrupt as error:
                await self.put_aside(record, DEAD, error)
        return sound

    async def _handle(self, topic: str, records: Sequence[tuple[Fetched, Record[Event]]]) -> None:
        events = [event for _, event in records]
        with self.metrics.timed_batch([record.event for record in events]):
            handler = partial(self.handlers[topic], events, self.deps)
            await self.append(await self.wait_out(handler, HELD))

    async def _handle_alone(self, topic: str, record: tuple[Fetched, Record[Event]]) -> None:
        await self.attempt(partial(self._handle, topic, [record]), record[0])


def _ends(records: Sequence[Fetched]) -> list[int]:
    """What stands for a batch: nothing of it is done before all of it is."""
    return sorted({records[0].offset, records[-1].offset})


def _size_bytes(record: Fetched) -> int:
    return FETCHED_RECORD_BYTES + len(record.value or b"")


def _read(topic: str, fetched: Fetched) -> Record[Event]:
    """The event; raises Corrupt where it is not where it belongs: its key has one writer."""
    event = decode_placed(fetched.value, topic=topic, key=fetched.key)
    return Record(event, partition=fetched.partition, offset=fetched.offset)


def batch_worker(
    name: str, handlers: BatchHandlers, *, chores: Mapping[Chore, float] = NO_CHORES
) -> BatchApp:
    """The app `name`: each event of the handlers' topics is handled at least once, in order.

    And each chore is done every so many seconds, whether or not it failed before.
    """
    prepare_process(name)
    return BatchApp(name, handlers, chores=chores)
