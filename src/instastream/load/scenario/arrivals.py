"""When operations are due: rates over time, and the instants they give."""

import math
from collections.abc import Iterator
from random import Random
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import replace

RATE_MAX = 1_000_000  # a second: more than one machine sends, and less than a typing error does

Rate: TypeAlias = Annotated[float, Meta(gt=0, le=RATE_MAX)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=30 * 86_400)]


class Constant(Struct, tag="constant", tag_field="process", forbid_unknown_fields=True):
    """The same time between any two."""

    rate: Rate

    def at(self, at_s: float, duration_s: float) -> float:
        """The rate, at a moment of so many seconds."""
        return self.rate

    @property
    def peak(self) -> float:
        """No moment has a higher rate."""
        return self.rate


class Poisson(Constant, tag="poisson", tag_field="process", forbid_unknown_fields=True):
    """Each at its own random moment, as people come who don't know of each other."""


class Ramp(Struct, tag="ramp", tag_field="process", forbid_unknown_fields=True):
    """From one rate to another, in a straight line."""

    rate: Rate
    to_rate: Rate

    def at(self, at_s: float, duration_s: float) -> float:
        """The rate, at a moment of so many seconds."""
        return self.rate + (self.to_rate - self.rate) * at_s / duration_s

    @property
    def peak(self) -> float:
        """No moment has a higher rate."""
        return max(self.rate, self.to_rate)


class Steps(Struct, tag="steps", tag_field="process", forbid_unknown_fields=True):
    """One rate after another, each for the same time."""

    rates: Annotated[list[Rate], Meta(min_length=1, max_length=1_000)]

    def at(self, at_s: float, duration_s: float) -> float:
        """The rate, at a moment of so many seconds."""
        step = int(at_s / duration_s * len(self.rates))
        return self.rates[min(step, len(self.rates) - 1)]

    @property
    def peak(self) -> float:
        """No moment has a higher rate."""
        return max(self.rates)


class Diurnal(Struct, tag="diurnal", tag_field="process", forbid_unknown_fields=True):
    """Day and night: a wave that begins at its lowest."""

    rate: Rate  # at night
    peak_rate: Rate
    period_s: Seconds = 86_400

    def at(self, at_s: float, duration_s: float) -> float:
        """The rate, at a moment of so many seconds."""
        height = (1 - math.cos(2 * math.pi * at_s / self.period_s)) / 2
        return self.rate + (self.peak_rate - self.rate) * height

    @property
    def peak(self) -> float:
        """No moment has a higher rate."""
        return max(self.rate, self.peak_rate)


class Burst(Struct, tag="burst", tag_field="process", forbid_unknown_fields=True):
    """Now and then many at once."""

    rate: Rate
    burst_rate: Rate
    every_s: Seconds
    for_s: Seconds

    def __post_init__(self) -> None:
        if self.for_s > self.every_s:
            raise ValueError("Expected `for_s` to be no more than `every_s`")

    def at(self, at_s: float, duration_s: float) -> float:
        """The rate, at a moment of so many seconds: the burst ends each period."""
        is_burst = at_s % self.every_s >= self.every_s - self.for_s
        return self.burst_rate if is_burst else self.rate

    @property
    def peak(self) -> float:
        """No moment has a higher rate."""
        return max(self.rate, self.burst_rate)


Arrivals: TypeAlias = Constant | Poisson | Ramp | Steps | Diurnal | Burst


def dues(arrivals: Arrivals, *, duration_s: float, random: Random) -> Iterator[float]:
    """Seconds from the start, ascending; all but constant ones are a Poisson process of the rate.

    Varying rates by thinning: Lewis and Shedler, 1979.
    """
    if type(arrivals) is Constant:
        yield from (n / arrivals.rate for n in range(math.ceil(duration_s * arrivals.rate)))
        return
    at_s, peak = 0.0, arrivals.peak
    while (at_s := at_s + random.expovariate(peak)) < duration_s:
        if random.random() * peak < arrivals.at(at_s, duration_s):
            yield at_s


def scaled(arrivals: Arrivals, peak: float) -> Arrivals:
    """The same course, with another highest rate."""
    times = peak / arrivals.peak
    match arrivals:
        case Steps():
            return Steps([rate * times for rate in arrivals.rates])
        case _:
            rates = {
                name: getattr(arrivals, name) * times
                for name in ("rate", "to_rate", "peak_rate", "burst_rate")
                if hasattr(arrivals, name)
            }
            return replace(arrivals, **rates)
