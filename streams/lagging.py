"""How far an app is behind in the partitions that it has."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiokafka.errors import KafkaError

from instastream.progress import Behind, Progress

LOOK_EVERY_S = 5.0  # one small request; scrapes are rarer
LOOK_S_MAX = 10.0  # Faust's consumer waits for Kafka without end


class Lag:
    """Where the partitions of one app end, as Kafka said last, and where none has begun yet."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._ends: Mapping[Any, int] = {}
        self._positions: Mapping[Any, int] = {}

    def forget(self) -> None:
        """They are another's by now."""
        self._ends, self._positions = {}, {}

    async def look(self, consumer: Any, progress: Progress[Any]) -> None:
        """Ask a consumer of Faust's. While Kafka does not answer, what it said last stands."""
        partitions = consumer.assignment()
        begun = progress.committable()
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(LOOK_S_MAX):
                ends = await consumer.highwaters(*partitions)
                positions = {tp: await consumer.position(tp) for tp in partitions - begun.keys()}
            if consumer.assignment() == partitions:
                self._ends, self._positions = ends, positions

    def by_topic(self, progress: Progress[Any]) -> dict[str, Behind]:
        """What is left of each topic, and when the oldest of it was appended; from any thread."""
        found: dict[str, Behind] = {}
        for partition, behind in progress.behind(self._ends, self._positions).items():
            topic = partition.topic.removeprefix(self._prefix)
            events, oldest_ms = found.get(topic, Behind(0, None))
            known = [at_ms for at_ms in (oldest_ms, behind.oldest_ms) if at_ms is not None]
            found[topic] = Behind(events + behind.events, min(known, default=None))
        return found
