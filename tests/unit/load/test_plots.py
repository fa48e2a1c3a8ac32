"""Where lines and marks lie."""

import re

import pytest

from instastream.load.reporting import units
from instastream.load.reporting.figures import percentile_plot, toned
from instastream.load.reporting.histograms import Histogram
from instastream.load.reporting.plots import (
    POINTS_MAX,
    Drawing,
    Plot,
    Series,
    Value,
    draw,
    linear_ticks,
    mean,
)


def plot_of(values: list[Value], **changes: object) -> Plot:
    about = {"slug": "x", "title": "X", "about": "", "text": units.count, **changes}
    x = [float(at) for at in range(len(values))]
    return Plot(x=x, series=[Series("one", values, "t0")], **about)  # type: ignore[arg-type]


def points(drawing: Drawing) -> list[str]:
    return re.findall(r"[MLh][^MLh]+", drawing.lines[0].path)


def test_a_line_goes_from_the_left_and_below_to_the_right_and_above() -> None:
    drawing = draw(plot_of([0.0, 5.0, 10.0]))
    assert points(drawing) == ["M0 1000", "L500 500", "L1000 0"]
    assert [mark.text for mark in drawing.y_marks] == ["0", "2", "4", "6", "8", "10"]
    assert [mark.at for mark in drawing.y_marks] == [100, 80, 60, 40, 20, 0]


def test_on_a_log_axis_each_power_of_ten_is_as_far() -> None:
    drawing = draw(plot_of([1.0, 10.0, 100.0], log=True))
    assert points(drawing) == ["M0 1000", "L500 500", "L1000 0"]


def test_a_line_ends_at_a_gap_and_a_lone_point_is_a_dot() -> None:
    drawing = draw(plot_of([10.0, 10.0, None, 10.0, None]))
    assert points(drawing) == ["M0 0", "L250 0", "M750 0", "h0"]
    assert drawing.lines[0].texts == ["10", "10", "", "10", ""]


def test_nothing_measured_is_no_line() -> None:
    assert draw(plot_of([])).lines == []
    assert draw(plot_of([None, None])).lines == []


@pytest.mark.parametrize("seconds", [POINTS_MAX - 1, POINTS_MAX, POINTS_MAX + 1, 86_400])
def test_a_day_is_drawn_with_as_many_points_as_an_hour_and_keeps_its_peak(seconds: int) -> None:
    values: list[Value] = [1.0] * seconds
    values[seconds // 2] = 500.0
    drawing = draw(plot_of(values))
    assert len(drawing.xs) <= POINTS_MAX
    assert "500" in drawing.lines[0].texts


def test_rates_are_averaged_where_seconds_share_a_point() -> None:
    drawing = draw(plot_of([10.0, 20.0] * POINTS_MAX, fold=mean))
    assert set(drawing.lines[0].texts) == {"15"}


@pytest.mark.parametrize(
    ("highest", "last"), [(0, 1), (0.3, 0.3), (1, 1), (7, 8), (95, 100), (101, 150), (1e9, 1e9)]
)
def test_an_axis_ends_at_the_first_round_number_that_is_enough(highest: float, last: float) -> None:
    ticks = linear_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] == pytest.approx(last)
    assert len(ticks) <= 7


def test_a_percentile_is_not_told_from_fewer_operations_than_it_needs() -> None:
    few, many = Histogram({1_000: 100}), Histogram({1_000: 99_000, 5_000: 1_000})
    drawing = draw(percentile_plot({"few": few, "many": many}))
    assert [mark.text for mark in drawing.x_marks] == [
        "0%", "90%", "99%", "99.9%", "99.99%", "99.999%",
    ]  # fmt: skip
    both = zip(*(line.texts for line in drawing.lines), strict=True)
    told = dict(zip(drawing.labels, both, strict=True))
    assert told["99%"] == ("1 ms", "1 ms")
    assert told["99.9%"] == ("", "5 ms")


def test_the_ninth_line_has_the_colour_of_the_first_and_is_dashed() -> None:
    tones = [one.tone for one in toned((str(number), []) for number in range(9))]
    assert len(set(tones)) == 9
    assert tones[8] == f"{tones[0]} dashed"


@pytest.mark.parametrize(
    ("nines", "label"),
    [
        (0, "0%"),
        (1, "90%"),
        (2, "99%"),
        (3, "99.9%"),
        (4, "99.99%"),
        (0.3, "49.9%"),
        (2.5, "99.68%"),
    ],
)
def test_percentiles_have_as_many_digits_as_nines(nines: float, label: str) -> None:
    assert units.nines(nines) == label


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0.042, "0.042 ms"), (3.1, "3.1 ms"), (310.2, "310 ms"), (1_240, "1.24 s"), (75_000, "75 s")],
)
def test_times_have_three_digits_at_most(ms: float, text: str) -> None:
    assert units.ms(ms) == text
