"""Replays ranges of the log by the handlers of a projection, as its workers would.

Handlers are run on many events at once, in any order, but for what is counted: there the events of
a partition come in batches, in their order. Trouble with a store is waited out. What a worker
would bury is passed over and told of, and events that a handler would append are left out: they
are in the log.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial
from random import Random

from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from instastream.batches import in_halves
from instastream.deps import Deps
from instastream.errors import Corrupt, Unavailable, Unready
from instastream.events import Event, Record, decode, decode_placed, type_of
from instastream.limits import BATCH_FETCHED_BYTES_MAX, COUNT_BATCH_LENGTH, FETCHED_BYTES_MAX
from instastream.ranges import Span, consuming, slices
from instastream.rebuilding.projections import Projection
from instastream.retries import wait_out
from instastream.settings import Settings
from instastream.steps import Report

IN_FLIGHT = 2_000  # events that are handled each by itself: Cassandra's session bounds the rest
REFUSED_TOLD = 20


class Refused(Struct, frozen=True, kw_only=True):
    """A record that no handler could digest."""

    topic: str
    partition: int
    offset: int
    error: str


class Replayed(Struct, frozen=True, kw_only=True):
    """What was read of the log for a projection, and what became of it."""

    projection: str
    spans: list[Span]
    records: int  # read; of a key only those under it
    handled: dict[str, int]  # events, by type; of a dry run those that would be
    passed: int  # records that hold no event, or one that is none of the projection's
    refused: int
    refusals: list[Refused]  # the first of them
    duration_s: float

    @property
    def events(self) -> int:
        """How many were handled."""
        return sum(self.handled.values())


async def replay(
    projection: Projection,
    wanted: Sequence[Span],
    deps: Deps | None,
    settings: Settings,
    *,
    keys: Collection[bytes] = (),
    report: Report,
) -> Replayed:
    """Handle what spans hold, of some keys or of all; without `deps` only read and decode it.

    Raises Unready where a topic is not what its epoch says, and Unavailable without Kafka.
    """
    replaying = Replaying(projection, deps, keys)
    total = sum(span.length for span in wanted)
    begun_s, done = time.monotonic(), 0
    fetched_bytes_max = BATCH_FETCHED_BYTES_MAX if projection.is_counted else FETCHED_BYTES_MAX
    length_max = COUNT_BATCH_LENGTH if projection.is_counted else IN_FLIGHT
    report(projection.name, 0, total)
    async with consuming(settings, fetched_bytes_max=fetched_bytes_max) as consumer:
        async for some in slices(consumer, wanted, settings, length_max=length_max):
            await _all(replaying.take(*place, records) for place, records in some.items())
            done += sum(map(len, some.values()))
            report(projection.name, done, total)
    report(projection.name, total, total)
    return Replayed(
        projection=projection.name,
        spans=list(wanted),
        records=replaying.records,
        handled={type_of(event): count for event, count in replaying.handled.most_common()},
        passed=replaying.passed,
        refused=replaying.refused,
        refusals=replaying.refusals,
        duration_s=round(time.monotonic() - begun_s, 3),
    )


class Replaying:
    """A projection's handlers at work on records; without `deps` they are only counted."""

    def __init__(
        self, projection: Projection, deps: Deps | None, keys: Collection[bytes] = ()
    ) -> None:
        self.records = self.passed = self.refused = 0
        self.handled: Counter[type[Event]] = Counter()
        self.refusals: list[Refused] = []
        self._projection = projection
        self._deps = deps
        self._keys = frozenset(keys)
        self._random = Random()

    async def take(self, topic: str, partition: int, records: Sequence[ConsumerRecord]) -> None:
        """Records of a partition that follow on those that were taken before."""
        if self._keys:
            records = [record for record in records if record.key in self._keys]
        self.records += len(records)
        sound = self._sound(topic, partition, records)
        if self._deps is None:
            self.handled.update(type(one.event) for one in sound)
            return
        handle = partial(self._handle, topic, self._deps)
        handle_alone = partial(self._handle_alone, topic, self._deps)
        if self._projection.is_counted:
            await in_halves(sound, handle, handle_alone)
        else:
            await _all(map(handle_alone, sound))

    def _sound(
        self, topic: str, partition: int, records: Sequence[ConsumerRecord]
    ) -> list[Record[Event]]:
        """Those that hold what is the projection's to handle."""
        handlers, counts = self._projection.handlers, self._projection.is_counted
        sound = []
        for record in records:
            try:
                if counts:
                    event = decode_placed(record.value, topic=topic, key=record.key)
                else:
                    event = decode(record.value)
            except Corrupt:
                continue
            if counts or type(event) in handlers:
                sound.append(Record(event, partition, record.offset))
        self.passed += len(records) - len(sound)
        return sound

    async def _handle(self, topic: str, deps: Deps, records: Sequence[Record[Event]]) -> None:
        """Of what is counted some, else one."""
        work: Callable[[], Awaitable[object]]
        if self._projection.is_counted:
            work = partial(self._projection.counting[topic], records, deps)
        else:
            [record] = records
            work = partial(self._projection.handlers[type(record.event)], record, deps)
        await wait_out(work, Unavailable, random=self._random, sleep=deps.sleep, waited=deps.waited)
        self.handled.update(type(record.event) for record in records)

    async def _handle_alone(self, topic: str, deps: Deps, record: Record[Event]) -> None:
        try:
            await self._handle(topic, deps, [record])
        except Unready:
            raise
        except Exception as error:
            self._refuse(topic, record, error)

    def _refuse(self, topic: str, record: Record[Event], error: Exception) -> None:
        self.refused += 1
        if len(self.refusals) < REFUSED_TOLD:
            told = f"{type(error).__name__}: {error}"
            place = {"partition": record.partition, "offset": record.offset}
            self.refusals.append(Refused(topic=topic, error=told, **place))


async def _all(works: Iterable[Awaitable[None]]) -> None:
    """Everything at once; nothing goes on where one of them fails."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
