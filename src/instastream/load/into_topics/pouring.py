"""The open loop into topics: each record when it is due, however long others take."""

import asyncio
import time
from collections.abc import AsyncIterable, Callable, Sequence
from typing import TypeAlias

from msgspec import Struct

from instastream.load.into_topics.appending import Appender, Outgoing

LINGER_S = 0.05  # how long a record that is due may wait for others of its partition
UNPACED_LINGER_S = 1.0  # where nothing is due, and batches are to be full
TICK_S = 0.005  # nobody sleeps for less: 250 records at 50,000 a second
LATE_MS = 200.0  # more than a tick, and a request that is on its way, explain
REPORT_S = 0.2


class Poured(Struct, frozen=True, kw_only=True):
    """What is in the topics so far: `count` records are acknowledged."""

    count: int = 0
    took_s: float = 0.0
    size_bytes: int = 0  # of their batches, as they are on the wire
    late: int = 0  # sent more than LATE_MS after they were due
    late_ms_max: float = 0.0


Report: TypeAlias = Callable[[Poured], None]


async def pour(
    slices: AsyncIterable[Sequence[Outgoing]], appender: Appender, report: Report
) -> Poured:
    """Append all records, in order; returns when they are acknowledged.

    Those of a slice are taken together: a slice is small. None is ever left out: what can't be sent
    when it is due is sent late, and counted. `report` hears of it from time to time, and at the end
    however it ends. Raises Unavailable when Kafka is away for too long.
    """
    loop = _Pouring(appender, report)
    try:
        async for slice_ in slices:
            await loop.take(slice_)
        await appender.settle()
    finally:
        report(loop.so_far())
    return loop.so_far()


class _Pouring:
    def __init__(self, appender: Appender, report: Report) -> None:
        self._appender = appender
        self._report = report
        self._before = appender.count, appender.size_bytes
        self._begun_s = time.perf_counter()
        self._reported_s = self._lingered_s = 0.0
        self._late, self._late_s_max = 0, 0.0

    def so_far(self) -> Poured:
        count, size_bytes = self._before
        return Poured(
            count=self._appender.count - count,
            took_s=self._now_s(),
            size_bytes=self._appender.size_bytes - size_bytes,
            late=self._late,
            late_ms_max=1000 * self._late_s_max,
        )

    async def take(self, slice_: Sequence[Outgoing]) -> None:
        now_s, linger_s = self._now_s(), UNPACED_LINGER_S
        for one in slice_:
            if one.due_s is not None:
                linger_s = LINGER_S
                if one.due_s > now_s:
                    now_s = await self._wait(one.due_s, now_s)
                elif now_s - one.due_s > LATE_MS / 1000:
                    self._late += 1
                    self._late_s_max = max(self._late_s_max, now_s - one.due_s)
            self._appender.add(one, now_s)
        await self._appender.send_full()
        await self._linger(linger_s)

    async def _wait(self, due_s: float, now_s: float) -> float:
        """Until it is due, or a little later; the time then."""
        while now_s < due_s:
            await self._linger(LINGER_S)
            await asyncio.sleep(min(max(due_s - now_s, TICK_S), LINGER_S))
            now_s = self._now_s()
        return now_s

    async def _linger(self, linger_s: float) -> None:
        """Send what has waited for long enough, and tell."""
        now_s = self._now_s()
        if now_s - self._lingered_s > linger_s / 2:
            self._lingered_s = now_s
            await self._appender.send_begun(now_s - linger_s / 2)
        if now_s - self._reported_s > REPORT_S:
            self._reported_s = now_s
            self._report(self.so_far())

    def _now_s(self) -> float:
        return time.perf_counter() - self._begun_s
