"""The log in memory, as far as workers have come: to its end, unless it is said where they are."""

from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass, field

from instastream.events import Record
from instastream.history import Stretch
from instastream.stores.memory import MemoryLog


@dataclass
class MemoryHistory:
    """A log of which events are as old as they say, each a stretch of its own."""

    log: MemoryLog
    committed: dict[str, dict[int, int]] = field(default_factory=dict)  # by app and partition

    async def handled(
        self, topic: str, *, by: Collection[str], begins: Mapping[int, int], until_ms: int
    ) -> AsyncGenerator[Stretch, None]:
        for partition, events in list(self.log.topics.get(topic, {}).items()):
            known = [self.committed[app] for app in by if app in self.committed]
            end = min([len(events), *(one.get(partition, 0) for one in known)])
            young = (at for at in range(end) if events[at].at_ms >= until_ms)
            end = next(young, end)
            begin = begins.get(partition, 0)
            for at in range(begin if begin <= len(events) else 0, end):
                records = [Record(events[at], partition, at)]
                yield Stretch(partition=partition, records=records, next=at + 1)
