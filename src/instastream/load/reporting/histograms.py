"""How often each latency was: three significant digits from 1 µs to ten minutes.

Recording is a dictionary of rounded microseconds, a third of what HdrHistogram's Python takes. It
rounds as HdrHistogram does and is written in its format, which every tool of that family reads.
"""

import math
import zlib
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct, field

from instastream.errors import Corrupt
from instastream.load.extra import extra

LATENCY_US_MIN = 1
LATENCY_US_MAX = 600_000_000  # ten minutes; what takes longer counts as this
DIGITS = 3
EXACT_BITS = 11  # below 2,048 every microsecond counts apart: 2 x 10**DIGITS, as a power of two
US_PER_MS = 1_000


class Histogram(Struct):
    """Counts by latency: the lowest microsecond of each step."""

    counts: dict[int, int] = field(default_factory=dict)

    def record(self, latency_ms: float) -> None:
        """One more; below 1 µs counts as 1 µs, above ten minutes as ten minutes."""
        value = int(latency_ms * US_PER_MS + 0.5)
        if value < LATENCY_US_MIN:  # a clock that went back
            value = LATENCY_US_MIN
        elif value > LATENCY_US_MAX:
            value = LATENCY_US_MAX
        shift = value.bit_length() - EXACT_BITS
        if shift > 0:
            value = value >> shift << shift
        self.counts[value] = self.counts.get(value, 0) + 1

    def add(self, other: "Histogram") -> None:
        """As if the other's had been recorded here."""
        for value, count in other.counts.items():
            self.counts[value] = self.counts.get(value, 0) + count

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """Milliseconds that so many percent did not exceed; all 0 where nothing was recorded."""
        values = sorted(self.counts)
        if not values:
            return [0.0] * len(percents)
        reached = list(accumulate(self.counts[value] for value in values))
        ranks = (math.ceil(round(percent * reached[-1] / 100, 6)) for percent in percents)
        return [_highest(values[bisect_left(reached, max(rank, 1))]) / US_PER_MS for rank in ranks]

    def mean_ms(self) -> float:
        """0 where nothing was recorded."""
        total = sum((value + _highest(value)) / 2 * count for value, count in self.counts.items())
        return total / max(self.size(), 1) / US_PER_MS

    def size(self) -> int:
        """How many were recorded."""
        return sum(self.counts.values())

    def encode(self) -> str:
        """An HdrHistogram of microseconds, compressed (V2), in base64."""
        with extra():
            from hdrh.histogram import HdrHistogram
        written = HdrHistogram(LATENCY_US_MIN, LATENCY_US_MAX, DIGITS)
        for value, count in self.counts.items():
            written.record_value(value, count)
        return written.encode().decode()


def decode(text: str) -> Histogram:
    """What `encode` gave, or another tool of that family in microseconds; else `Corrupt`."""
    with extra():
        from hdrh.codec import HdrCookieException, HdrLengthException
        from hdrh.histogram import HdrHistogram
    try:
        written = HdrHistogram.decode(text)
    except (HdrCookieException, HdrLengthException, ValueError, TypeError, zlib.error) as error:
        why = f"not an HdrHistogram: {error or type(error).__name__}"
        raise Corrupt("histogram", why) from error
    found = enumerate(written.counts)
    return Histogram({written.get_value_from_index(at): count for at, count in found if count})


def _highest(lowest_us: int) -> int:
    """The highest microsecond of the same step."""
    return lowest_us + (1 << max(lowest_us.bit_length() - EXACT_BITS, 0)) - 1
