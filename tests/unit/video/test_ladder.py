"""A ladder never promises more than its source has, and all its rungs keep step."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.video.ladder import (
    ASPECT,
    BITS_PER_S_MAX,
    LADDERS,
    RATE_LOW_MAX,
    RATE_MAX,
    SIDE_LOW_MAX,
    frame_rate,
    long_side,
    plan_rungs,
)
from instastream.video.source import Source

SIDES = st.integers(16, 4096)
RATES = st.floats(0.1, 240)


def source(width: int, height: int, rate: float = 30) -> Source:
    return Source(
        width=width,
        height=height,
        rate=rate,
        duration_ms=8_000,
        is_exact=True,
        picture=0,
        sound=None,
        matrix=None,
        transfer=None,
    )


sources = st.builds(source, SIDES, SIDES, RATES)


def sizes(width: int, height: int) -> list[tuple[str, int, int]]:
    return [(rung.name, rung.width, rung.height) for rung in plan_rungs(source(width, height))]


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (3840, 2160, [("1080p", 1920, 1080), ("720p", 1280, 720), ("360p", 640, 360)]),
        (1080, 1920, [("1080p", 1080, 1920), ("720p", 720, 1280), ("360p", 360, 640)]),
        (1080, 1080, [("1080p", 1080, 1080), ("720p", 720, 720), ("360p", 360, 360)]),
        (1280, 720, [("720p", 1280, 720), ("360p", 640, 360)]),
        (854, 480, [("480p", 854, 480), ("240p", 428, 240)]),
        (641, 361, [("480p", 640, 360), ("240p", 426, 240)]),
        (640, 360, [("360p", 640, 360), ("240p", 426, 240)]),
        (1100, 725, [("1080p", 1100, 724), ("360p", 546, 360)]),
        (176, 144, [("240p", 176, 144)]),
    ],
)
def test_the_source_chooses_the_rungs(
    width: int, height: int, expected: list[tuple[str, int, int]]
) -> None:
    assert sizes(width, height) == expected


@given(sources)
def test_nothing_is_upscaled_and_every_length_is_even(source: Source) -> None:
    for rung in plan_rungs(source):
        assert rung.width <= source.width
        assert rung.height <= source.height
        assert rung.width % 2 == rung.height % 2 == 0


@given(sources)
def test_the_ratio_is_kept_within_rounding(source: Source) -> None:
    for rung in plan_rungs(source):
        across, down = rung.width / source.width, rung.height / source.height
        assert abs(across - down) <= 2 / source.width + 2 / source.height


@given(sources)
def test_rungs_descend_in_size_and_cost(source: Source) -> None:
    rungs = plan_rungs(source)
    assert 1 <= len(rungs) <= 3
    for above, below in pairwise(rungs):
        assert below.width < above.width
        assert below.height <= above.height
        assert below.bits_per_s_max < above.bits_per_s_max
        assert below.rate <= above.rate


@given(sources)
def test_a_rung_fits_the_box_that_names_it(source: Source) -> None:
    for rung in plan_rungs(source):
        side = int(rung.name.removesuffix("p"))
        short, long = sorted((rung.width, rung.height))
        assert short <= side
        assert long <= long_side(side) < side * ASPECT + 2


@given(sources)
def test_keyframes_of_all_rungs_fall_on_the_same_times(source: Source) -> None:
    rungs = plan_rungs(source)
    [gop_s] = {rung.gop_length / rung.rate for rung in rungs}
    assert 2 <= gop_s < 2 + 1 / min(rung.rate for rung in rungs)
    for rung in rungs:
        assert (rungs[0].rate / rung.rate).denominator == 1


@given(sources)
def test_small_rungs_have_at_most_30_frames_a_second(source: Source) -> None:
    for rung in plan_rungs(source):
        small = int(rung.name.removesuffix("p")) <= SIDE_LOW_MAX
        assert rung.rate <= (RATE_LOW_MAX if small else RATE_MAX)


@pytest.mark.parametrize(
    ("average", "constant"),
    [
        (29.97, Fraction(30_000, 1_001)),
        (30, Fraction(30)),
        (29.8, Fraction(30_000, 1_001)),  # a phone's
        (23.976, Fraction(24_000, 1_001)),
        (25.01, Fraction(25)),
        (59.94, Fraction(60_000, 1_001)),
        (240, Fraction(60)),
        (12.5, Fraction(13)),
        (0.2, Fraction(1)),
    ],
)
def test_a_rate_that_varies_becomes_a_constant_one(average: float, constant: Fraction) -> None:
    assert frame_rate(average) == constant


def test_every_rung_of_every_ladder_has_a_peak() -> None:
    assert {side for ladder in LADDERS.values() for side in ladder} == set(BITS_PER_S_MAX)
