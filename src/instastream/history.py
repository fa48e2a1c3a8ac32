"""The log as far as workers have come: what they have handled, of some time ago and before."""

from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord
from msgspec import Struct

from instastream.errors import Corrupt
from instastream.events import Event, Record, decode
from instastream.log import translated
from instastream.ranges import Range, Span, consuming, slices, spans
from instastream.settings import Settings

STRETCH_LENGTH_MAX = 1_000


class Stretch(Struct, frozen=True, kw_only=True):
    """A part of a partition: the events in it, in their order, and the offset that comes next."""

    partition: int
    records: list[Record[Event]]
    next: int


class History(Protocol):
    """What of the log lies behind its workers."""

    def handled(
        self, topic: str, *, by: Collection[str], begins: Mapping[int, int], until_ms: int
    ) -> AsyncGenerator[Stretch, None]:
        """What of a topic all of these apps have handled, and was appended before some time.

        From the offset on that `begins` has of a partition, or its first where that has none or is
        past its end; a stretch of some partition at a time.
        """


class KafkaHistory:
    """History on Kafka: what consumer groups have committed, and Kafka's timestamps."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def handled(
        self, topic: str, *, by: Collection[str], begins: Mapping[int, int], until_ms: int
    ) -> AsyncGenerator[Stretch, None]:
        done = await self._committed(topic, by)
        async with consuming(self._settings) as consumer:
            whole = await spans(consumer, [Range(topic=topic)], self._settings)
            old = await spans(consumer, [Range(topic=topic)], self._settings, until_ms=until_ms)
            wanted = [
                Span(topic=topic, partition=there.partition, begin=begin, end=end)
                for there, some in zip(whole, old, strict=True)
                if (begin := _begin(there, begins)) < (end := min(some.end, done[there.partition]))
            ]
            if not wanted:
                return
            read = slices(consumer, wanted, self._settings, length_max=STRETCH_LENGTH_MAX)
            async for by_place in read:
                for (_, partition), records in by_place.items():
                    yield _stretch(partition, records)

    async def _committed(self, topic: str, apps: Collection[str]) -> Counter[int]:
        """Of each partition the offset that all of these apps have come to, from 0 on."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.kafka)
        with translated():
            try:
                await admin.start()
                groups = [
                    await admin.list_consumer_group_offsets(self._settings.prefix + app)
                    for app in apps
                ]
            finally:
                await admin.close()
        name = self._settings.prefix + topic
        done = [
            {tp.partition: at.offset for tp, at in group.items() if tp.topic == name}
            for group in groups
        ]
        return Counter({at: min(one.get(at, 0) for one in done) for at in done[0]})


def _begin(there: Span, begins: Mapping[int, int]) -> int:
    """Of a topic that was made anew it is the first offset: it ends before what was kept."""
    begin = max(there.begin, begins.get(there.partition, 0))
    return begin if begin <= there.end else there.begin


def _stretch(partition: int, records: Sequence[ConsumerRecord]) -> Stretch:
    """Records that hold no event are passed over: workers bury them."""
    found: list[Record[Event]] = []
    for record in records:
        with suppress(Corrupt):
            found.append(Record(decode(record.value), partition, record.offset))
    return Stretch(partition=partition, records=found, next=records[-1].offset + 1)
