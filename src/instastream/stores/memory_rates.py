"""Rates in memory, for unit and flow tests."""

from collections.abc import Callable
from dataclasses import dataclass, field

from instastream.limits import Rate


@dataclass
class MemoryRates:
    """When each key has all of its rate again, by a clock."""

    now_ms: Callable[[], int]
    full_ms: dict[str, float] = field(default_factory=dict)

    async def take(self, key: str, rate: Rate) -> float:
        now_ms, every_ms = self.now_ms(), rate.every_s * 1000
        full_ms = max(self.full_ms.get(key, 0), now_ms)
        wait_ms = full_ms - (rate.at_once - 1) * every_ms - now_ms
        if wait_ms > 0:
            return wait_ms / 1000
        self.full_ms[key] = full_ms + every_ms
        return 0
