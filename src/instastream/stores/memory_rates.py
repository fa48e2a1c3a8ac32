"""Rates in memory, for unit and flow tests."""

from collections.abc import Callable
from dataclasses import dataclass, field

from instastream.limits import Rate
from instastream.stores.rates import Taken, standing


@dataclass
class MemoryRates:
    """When each key has all of its rate again, by a clock."""

    now_ms: Callable[[], int]
    full_ms: dict[tuple[str, str], float] = field(default_factory=dict)

    async def take(self, what: str, whose: str, rate: Rate) -> Taken:
        now_ms, every_ms = self.now_ms(), rate.every_s * 1000
        full_ms = max(self.full_ms.get((what, whose), 0), now_ms)
        wait_ms = full_ms - (rate.at_once - 1) * every_ms - now_ms
        if wait_ms <= 0:
            wait_ms, full_ms = 0, full_ms + every_ms
            self.full_ms[what, whose] = full_ms
        return standing(rate, wait_s=wait_ms / 1000, whole_s=(full_ms - now_ms) / 1000)
