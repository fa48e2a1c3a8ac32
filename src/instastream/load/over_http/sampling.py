"""What the system's processes use while a load runs, and how far its workers are behind."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

import psutil

from instastream.errors import Unavailable
from instastream.lag import looking
from instastream.load.reporting.spreads import Sample
from instastream.settings import Settings

LAG_EVERY_S = 2.0
GENERATORS = "load"


class Sampler:
    """Samples since the last time it was asked; of a system elsewhere only the own processes.

    `pids` are the first of each of its processes on this machine, which may have started others;
    without `settings` nobody knows what is behind. Use as a context manager.
    """

    def __init__(self, pids: Mapping[str, int], settings: Settings | None) -> None:
        self._pids = {**pids, GENERATORS: os.getpid()}
        self._settings = settings
        self.lag: dict[str, int] = {}  # events behind at the last look, by stage
        self._used_s: dict[str, float] = {}
        self._at_s = time.monotonic()

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look())
        self.sample()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        with suppress(asyncio.CancelledError):
            await self._looking

    def sample(self) -> Sample:
        """Cores used since the last sample, memory now, and events behind at the last look."""
        now_s, before_s = time.monotonic(), self._used_s
        took_s = max(now_s - self._at_s, 1e-3)
        self._at_s, self._used_s, rss = now_s, {}, {}
        for name, pid in self._pids.items():
            with suppress(psutil.NoSuchProcess):
                used_s, rss[name] = _used(psutil.Process(pid))
                self._used_s[name] = used_s
        cpu = {
            name: round(max(0.0, used_s - before_s[name]) / took_s, 3)
            for name, used_s in self._used_s.items()
            if name in before_s
        }
        return Sample(lag=self.lag, cpu=cpu, rss=rss)

    async def _look(self) -> None:
        while settings := self._settings:
            with suppress(Unavailable):
                async with looking(settings) as look:
                    while True:
                        behind: Counter[str] = Counter()
                        for one in await look():
                            behind[one.group.removeprefix(settings.prefix)] += one.events
                        self.lag = dict(behind)
                        await asyncio.sleep(LAG_EVERY_S)
            await asyncio.sleep(LAG_EVERY_S)


def _used(first: psutil.Process) -> tuple[float, int]:
    """CPU seconds and bytes of memory of a process and those that it started."""
    used_s, rss = 0.0, 0
    for process in (first, *first.children(recursive=True)):
        with suppress(psutil.NoSuchProcess), process.oneshot():
            times = process.cpu_times()
            used_s += times.user + times.system
            rss += process.memory_info().rss
    return used_s, rss
