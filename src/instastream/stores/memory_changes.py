"""Changes in memory, for unit and flow tests."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

from instastream.ids import PostId, UserId
from instastream.stores.changes import CHANGES_KEPT, Change, Heard, Place
from instastream.stores.counts import Counts, Pending
from instastream.stores.feeds import Feeds, Head
from instastream.stores.memory_counts import MemoryCounts


class MemoryChanges:
    """Changes in a list; `flush` is what a Redis that lost everything does."""

    def __init__(self, feeds: Feeds, counts: Counts | None = None) -> None:
        self._feeds = feeds
        self._counts = counts or MemoryCounts()
        self._epochs = count()
        self._news = asyncio.Event()
        self.flush()

    async def forget(self) -> None:
        self.flush()

    def flush(self) -> None:
        """Forget everything, and begin another life."""
        self._epoch = str(next(self._epochs))
        self._told: list[tuple[str, Change]] = []
        self._trimmed = 0

    def trim(self, kept: int) -> None:
        """Forget all but the last."""
        trimmed = max(0, len(self._told) - kept)
        del self._told[:trimmed]
        self._trimmed += trimmed

    async def tell(self, *changes: Change) -> None:
        for change in changes:
            self._told.append((str(self._trimmed + len(self._told)), change))
        self.trim(CHANGES_KEPT)
        self._news.set()
        self._news = asyncio.Event()

    async def since(
        self,
        place: Place | None,
        heads: Sequence[Head] = (),
        viewers: Sequence[UserId] = (),
    ) -> tuple[Heard, list[list[PostId] | None], list[Sequence[Pending]]]:
        feeds = [await self._head(reader, length) for reader, length in heads]
        pending: list[Sequence[Pending]] = [
            await self._counts.pending(viewer) for viewer in viewers
        ]
        return self._heard(place), feeds, pending

    async def wait(self, place: Place, *, timeout_s: float) -> None:
        if place == self._place():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), timeout_s)

    def _heard(self, place: Place | None) -> Heard:
        now = self._place()
        if place is None or place.epoch != self._epoch or int(place.entry) < self._trimmed - 1:
            return Heard(now, lost=True)
        return Heard(now, self._told[int(place.entry) + 1 - self._trimmed :])

    def _place(self) -> Place:
        return Place(self._epoch, str(self._trimmed + len(self._told) - 1))

    async def _head(self, reader: UserId, length: int) -> list[PostId] | None:
        feed = await self._feeds.read(reader)
        return None if feed is None else feed[:length]
