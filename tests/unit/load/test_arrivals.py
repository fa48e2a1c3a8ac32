"""When operations are due."""

import math
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instastream.load.scenario.arrivals import (
    Arrivals,
    Burst,
    Constant,
    Diurnal,
    Poisson,
    Ramp,
    Steps,
    dues,
    scaled,
)

SECONDS = 40.0
RANDOM: list[Arrivals] = [
    Poisson(rate=200),
    Ramp(rate=10, to_rate=390),
    Steps(rates=[50, 100, 450]),
    Diurnal(rate=20, peak_rate=380, period_s=20),
    Burst(rate=100, burst_rate=500, every_s=10, for_s=2.5),
]


def due(arrivals: Arrivals, *, seed: int = 1, seconds: float = SECONDS) -> list[float]:
    return list(dues(arrivals, duration_s=seconds, random=Random(seed)))


def test_constant_ones_are_evenly_apart() -> None:
    assert due(Constant(rate=4), seconds=1) == [0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("arrivals", RANDOM, ids=lambda one: type(one).__name__)
def test_as_many_come_as_the_rate_says_in_every_part(arrivals: Arrivals) -> None:
    """Within five standard deviations of a Poisson process, in each tenth."""
    seen = due(arrivals)
    tenth = SECONDS / 10
    for number in range(10):
        begin = number * tenth
        moments = [begin + tenth * (n + 0.5) / 1000 for n in range(1000)]
        expected = sum(arrivals.at(at_s, SECONDS) for at_s in moments) / 1000 * tenth
        count = sum(begin <= at_s < begin + tenth for at_s in seen)
        assert abs(count - expected) < 5 * math.sqrt(expected) + 1


@pytest.mark.parametrize("arrivals", RANDOM, ids=lambda one: type(one).__name__)
def test_no_rate_is_above_the_peak(arrivals: Arrivals) -> None:
    assert all(arrivals.at(n / 10, SECONDS) <= arrivals.peak for n in range(400))


@pytest.mark.parametrize("arrivals", RANDOM, ids=lambda one: type(one).__name__)
@settings(max_examples=20)
@given(seed=st.integers(0, 1 << 32))
def test_a_seed_gives_the_same_instants_in_order(arrivals: Arrivals, seed: int) -> None:
    seen = due(arrivals, seed=seed, seconds=2)
    assert seen == due(arrivals, seed=seed, seconds=2)
    assert all(0 < one < other < 2 for one, other in pairwise(seen))


def test_another_seed_gives_others() -> None:
    assert due(Poisson(rate=50), seed=1) != due(Poisson(rate=50), seed=2)


@pytest.mark.parametrize(
    "arrivals", [Constant(rate=3), *RANDOM], ids=lambda one: type(one).__name__
)
def test_a_course_keeps_its_shape_at_another_rate(arrivals: Arrivals) -> None:
    faster = scaled(arrivals, 3 * arrivals.peak)
    assert type(faster) is type(arrivals)
    for at_s in (0.0, 7.7, 19.0, 39.9):
        assert faster.at(at_s, SECONDS) == pytest.approx(3 * arrivals.at(at_s, SECONDS))
