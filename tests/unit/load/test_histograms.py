"""Latencies are rounded by less than a thousandth, and nothing is lost by merging or writing."""

import math

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Corrupt
from instastream.load.reporting.histograms import LATENCY_US_MAX, Histogram, decode

microseconds = st.lists(st.integers(1, LATENCY_US_MAX), min_size=1, max_size=300)
PERCENTS = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0]


def recorded(latencies_us: list[int]) -> Histogram:
    histogram = Histogram()
    for latency_us in latencies_us:
        histogram.record(latency_us / 1_000)
    return histogram


@given(microseconds)
def test_percentiles_are_within_a_thousandth_of_the_exact_ones(latencies_us: list[int]) -> None:
    in_order = sorted(latencies_us)
    for percent, found in zip(PERCENTS, recorded(latencies_us).percentiles(PERCENTS), strict=True):
        rank = max(math.ceil(round(percent * len(in_order) / 100, 6)), 1)
        assert found * 1_000 == pytest.approx(in_order[rank - 1], rel=0.001)


@given(microseconds)
def test_the_mean_is_within_a_thousandth_of_the_exact_one(latencies_us: list[int]) -> None:
    exact = sum(latencies_us) / len(latencies_us)
    assert recorded(latencies_us).mean_ms() * 1_000 == pytest.approx(exact, rel=0.001)


@given(microseconds, microseconds)
def test_merging_is_recording_together(some: list[int], others: list[int]) -> None:
    merged = recorded(some)
    merged.add(recorded(others))
    assert merged == recorded(some + others)
    assert merged.size() == len(some) + len(others)


@given(st.lists(st.integers(1, LATENCY_US_MAX), max_size=50))
def test_what_was_written_is_read_again(latencies_us: list[int]) -> None:
    histogram = recorded(latencies_us)
    assert decode(histogram.encode()) == histogram


@given(microseconds)
def test_other_tools_read_the_same(latencies_us: list[int]) -> None:
    histogram = recorded(latencies_us)
    theirs = HdrHistogram.decode(histogram.encode()).get_percentile_to_value_dict([100.0])
    assert theirs[100.0] / 1_000 == histogram.percentiles([100])[0]


@pytest.mark.parametrize(
    ("latency_ms", "counts_as_ms"),
    [
        (-5.0, 0.001),
        (0.0, 0.001),
        (0.001, 0.001),
        (0.0579, 0.058),
        (LATENCY_US_MAX / 1_000, LATENCY_US_MAX / 1_000),
        (LATENCY_US_MAX, LATENCY_US_MAX / 1_000),
    ],
    ids=["back in time", "none", "least", "between two", "most", "more"],
)
def test_what_is_out_of_range_counts_as_the_nearest(latency_ms: float, counts_as_ms: float) -> None:
    histogram = Histogram()
    histogram.record(latency_ms)
    assert histogram.percentiles([50])[0] == pytest.approx(counts_as_ms, rel=0.001)


@given(st.integers(1, 2_047))
def test_below_two_milliseconds_every_microsecond_counts_apart(latency_us: int) -> None:
    assert recorded([latency_us]).counts == {latency_us: 1}


def test_nothing_recorded_is_zero() -> None:
    assert Histogram().percentiles([50, 99.99]) == [0.0, 0.0]
    assert Histogram().mean_ms() == 0.0


@pytest.mark.parametrize("text", ["", "AAAA", "no base64", "HISTFAAAAAR42mNg", "\N{SNOWMAN}"])
def test_garbage_is_no_histogram(text: str) -> None:
    with pytest.raises(Corrupt, match="not an HdrHistogram"):
        decode(text)
