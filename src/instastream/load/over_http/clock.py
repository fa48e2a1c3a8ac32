"""Time that does not jump, whatever is done to the machine's clock during a run."""

import time
from typing import Self

from msgspec import Struct


class Clock(Struct, frozen=True):
    """Unix time as of one moment, and steady from then on: the same in every process here."""

    unix_ms: float
    monotonic_s: float

    @classmethod
    def started(cls) -> Self:
        """As of now."""
        return cls(time.time_ns() / 1e6, time.monotonic())

    def now_ms(self) -> float:
        """Unix, with microseconds."""
        return self.unix_ms + (time.monotonic() - self.monotonic_s) * 1e3
