"""How far an app is behind in the partitions that it has, and whether it stands still there.

Kafka is asked on a connection of its own: it answers too where the app's consumer has come to
a halt, which clients in between have been seen to do after a rebalance.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from instastream.errors import Unavailable
from instastream.lag import Look
from instastream.log import translated, unbroken
from instastream.progress import Behind, Progress

LOOK_EVERY_S = 5.0  # some small requests; scrapes are rarer
LOOK_S_MAX = 10.0  # a frozen Kafka answers after minutes
STILL_LOOKS = 6  # half a minute: whoever has nothing to do begins at once
REBALANCE_LOOKS = 24  # two minutes: Kafka waits one for whoever should join


class Lag:
    """Where the partitions of one app end and what of them is committed, as Kafka said last."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._ends: dict[Any, int] = {}
        self._committed: dict[Any, int] = {}
        self._still: dict[Any, int] = {}  # looks, by partition

    def forget(self) -> None:
        """They are another's by now."""
        self._ends, self._committed = {}, {}
        self.moves()

    def moves(self) -> None:
        """There is a reason why nothing is committed."""
        self._still = {}

    async def look(
        self, look: Look, assigned: Callable[[], Collection[Any]], *, idle: bool
    ) -> None:
        """Ask Kafka. While it does not answer, what it said last stands, and nobody stands still.

        `idle` says that the app has nothing under way.
        """
        partitions = assigned()
        try:
            with translated(), unbroken():
                async with asyncio.timeout(LOOK_S_MAX):
                    found = {(one.topic, one.partition): one for one in await look()}
        except Unavailable:
            self.moves()
            return
        if assigned() != partitions:
            self.moves()
            return
        behind = {tp: found[tp] for tp in partitions if tp in found}
        committed = {tp: at.committed for tp, at in behind.items()}
        same = [tp for tp, offset in committed.items() if self._committed.get(tp) == offset]
        self._still = {tp: self._still.get(tp, 0) + 1 for tp in same if idle}
        self._ends = dict.fromkeys(partitions, 0) | {tp: at.end for tp, at in behind.items()}
        self._committed = committed

    def stands_still(self, looks: int) -> list[Any]:
        """Partitions that were behind at one place, at so many looks, and the app idle."""
        return [tp for tp, seen in self._still.items() if seen >= looks]

    def by_topic(self, progress: Progress[Any]) -> dict[str, Behind]:
        """What is left of each topic, and when the oldest of it was appended; from any thread."""
        found: dict[str, Behind] = {}
        for partition, behind in progress.behind(self._ends, self._committed).items():
            topic = partition.topic.removeprefix(self._prefix)
            events, oldest_ms = found.get(topic, Behind(0, None))
            known = [at_ms for at_ms in (oldest_ms, behind.oldest_ms) if at_ms is not None]
            found[topic] = Behind(events + behind.events, min(known, default=None))
        return found
