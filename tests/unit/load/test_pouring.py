"""The open loop: nothing is sent before it is due, and what is late is sent, and counted."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest

from instastream.load.into_topics.appending import Appender, Outgoing
from instastream.load.into_topics.pouring import Poured, pour


class Slow:
    """An appender that takes its time for one of its records."""

    def __init__(self, *, stops_at: int = -1, takes_s: float = 0) -> None:
        self.count = self.size_bytes = 0
        self.added: list[tuple[Outgoing, float]] = []
        self._stops_at = stops_at
        self._takes_s = takes_s

    def add(self, one: Outgoing, now_s: float) -> None:
        if len(self.added) == self._stops_at:
            time.sleep(self._takes_s)
        self.added.append((one, now_s))
        self.count += 1

    async def send_full(self) -> None:
        pass

    async def send_begun(self, before_s: float) -> None:
        pass

    async def settle(self) -> None:
        pass


def due(*due_s: float | None) -> list[Outgoing]:
    """Records, when they are due."""
    return [Outgoing(topic="t", key=None, value=None, headers=[], due_s=at_s) for at_s in due_s]


async def poured(slow: Slow, *slices: list[Outgoing], heard: list[Poured] | None = None) -> Poured:
    """What came of it."""

    async def given() -> AsyncIterator[Sequence[Outgoing]]:
        for one in slices:
            yield one

    heard = [] if heard is None else heard
    return await pour(given(), cast("Appender", slow), heard.append)


async def test_nothing_is_sent_before_it_is_due() -> None:
    slow = Slow()
    result = await poured(slow, due(0, 0.05), due(0.1, 0.15))
    assert [one.due_s for one, _ in slow.added] == [0, 0.05, 0.1, 0.15]
    assert all(one.due_s is not None and now_s >= one.due_s for one, now_s in slow.added)
    assert result.count == 4


async def test_what_was_held_up_is_sent_late_and_counted() -> None:
    slow = Slow(stops_at=1, takes_s=0.5)
    result = await poured(slow, due(0, 0), due(0.01, 0.02, 0.6))
    assert len(slow.added) == 5
    assert result.late == 2
    assert result.late_ms_max > 400


async def test_what_is_never_due_is_never_late() -> None:
    assert (await poured(Slow(stops_at=0, takes_s=0.5), due(None), due(None))).late == 0


async def test_whoever_asks_hears_the_end_however_it_ends() -> None:
    heard: list[Poured] = []
    task = asyncio.ensure_future(poured(Slow(), due(0, 60), heard=heard))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard[-1].count == 1
