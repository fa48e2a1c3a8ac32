"""What generator processes measured adds up, and slowness can't hide."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.limits import LOAD_PROBLEMS_MAX
from instastream.load.reporting.histograms import Histogram
from instastream.load.reporting.spreads import (
    OPEN_S,
    OTHER_PROBLEMS,
    Measured,
    Outcome,
    Recorder,
    Sample,
    Spreads,
    Tally,
)

Operation = tuple[str, Outcome, float, float, int]

operations = st.lists(
    st.tuples(
        st.sampled_from(["like", "read_feed", "visible"]),
        st.sampled_from(["ok", "failed", "unknown"]),
        st.floats(0, 20_000),
        st.floats(0, 5_000),
        st.integers(0, 2),
    ),
    max_size=40,
)


def spreads_of(*recorders: Recorder) -> Spreads:
    spreads = Spreads()
    for recorder in recorders:
        spreads.add(recorder.take())
    return spreads


@given(operations)
def test_several_processes_measure_what_one_would(operations: list[Operation]) -> None:
    alone, several, spreads = Recorder(0), [Recorder(0) for _ in range(3)], Spreads()
    for kind, outcome, due_ms, took_ms, process in operations:
        for recorder in (alone, several[process]):
            recorder.starts(kind, due_ms=due_ms, at_ms=due_ms)
            recorder.ends(kind, outcome, due_ms=due_ms, at_ms=due_ms + took_ms, problem=outcome)
        if process:
            spreads.add(several[process].take())
    spreads.add(several[0].take())
    whole = spreads_of(alone)
    assert spreads.by_kind() == whole.by_kind()
    assert spreads.all() == whole.all()
    assert spreads.ticks({}) == whole.ticks({})
    assert spreads.problems == whole.problems
    assert spreads.histograms() == whole.histograms()


def test_a_late_start_is_not_hidden() -> None:
    recorder = Recorder(0)
    recorder.starts("like", due_ms=500, at_ms=2_500)
    recorder.ends("like", "ok", due_ms=500, at_ms=2_510)
    spreads = spreads_of(recorder)
    assert spreads.all().p50 == pytest.approx(2_010, rel=0.001)
    first, second, third = spreads.ticks({})
    assert (first.due, first.started, first.ok) == (1, 0, 0)
    assert first.p50 == pytest.approx(2_010, rel=0.001)
    assert (second.due, second.started, second.p50) == (0, 0, 0.0)
    assert (third.started, third.ok) == (1, 1)


def test_what_could_not_start_is_counted() -> None:
    recorder = Recorder(0)
    recorder.skips("like", due_ms=10)
    spreads = spreads_of(recorder)
    assert (spreads.all().count, spreads.all().unstarted) == (1, 1)
    assert (spreads.ticks({})[0].due, spreads.ticks({})[0].unstarted) == (1, 1)


def test_what_was_given_up_is_slow_and_what_was_refused_is_not_fast() -> None:
    recorder = Recorder(0)
    refused: tuple[Outcome, int] = ("failed", 1)
    endings: list[tuple[Outcome, int]] = [("ok", 100), ("unknown", 10_000)]
    for outcome, took_ms in [*endings, refused, refused, refused]:
        recorder.starts("like", due_ms=0, at_ms=0)
        recorder.ends("like", outcome, due_ms=0, at_ms=took_ms)
    spread = spreads_of(recorder).by_kind()["like"]
    assert (spread.count, spread.ok, spread.failed, spread.unknown) == (5, 1, 3, 1)
    assert spread.p50 == pytest.approx(100, rel=0.001)
    assert spread.max == pytest.approx(10_000, rel=0.001)


def test_what_has_not_ended_is_under_way() -> None:
    recorder = Recorder(0)
    for due_ms in (0, 100, 1_100):
        recorder.starts("like", due_ms=due_ms, at_ms=due_ms)
    recorder.ends("like", "ok", due_ms=0, at_ms=1_500)
    assert [tick.in_flight for tick in spreads_of(recorder).ticks({})] == [2, 2]


def test_the_latest_second_is_the_last_that_is_over() -> None:
    recorder = Recorder(0)
    for due_ms in (0, 100, 1_100, 2_100):
        recorder.starts("like", due_ms=due_ms, at_ms=due_ms)
    recorder.ends("like", "ok", due_ms=1_100, at_ms=1_200)
    spreads = spreads_of(recorder)
    assert spreads.latest(lag={"feeds": 4}) == spreads.ticks({1: Sample(lag={"feeds": 4})})[1]
    recorder.skips("like", due_ms=0)
    assert spreads_of(recorder).latest(lag={}) is None
    assert Spreads().latest(lag={}) is None


def test_a_probe_is_told_apart_from_all_operations() -> None:
    recorder = Recorder(0)
    for kind, took_ms in (("like", 5), ("visible", 900)):
        recorder.starts(kind, due_ms=0, at_ms=0)
        recorder.ends(kind, "ok", due_ms=0, at_ms=took_ms)
    spreads = spreads_of(recorder)
    (tick,) = spreads.ticks({})
    assert (spreads.all().count, tick.due, tick.ok) == (1, 1, 1)
    assert tick.p999 == pytest.approx(5, rel=0.001)
    assert tick.p99_by_kind["visible"] == pytest.approx(900, rel=0.001)
    assert spreads.by_kind()["visible"].p50 == pytest.approx(900, rel=0.001)


@pytest.mark.parametrize(
    ("late_s", "shown_ms"), [(OPEN_S, 7_000), (OPEN_S + 1, 5)], ids=["in time", "too late"]
)
def test_a_second_is_closed_after_a_while_and_the_whole_is_not(late_s: int, shown_ms: int) -> None:
    recorder, spreads = Recorder(0), Spreads()
    recorder.starts("like", due_ms=0, at_ms=0)
    recorder.ends("like", "ok", due_ms=0, at_ms=5)
    recorder.skips("like", due_ms=late_s * 1_000)
    spreads.add(recorder.take())
    spreads.add(Measured({0: {"like": Tally(latencies=one_of(7_000))}}))
    assert spreads.ticks({})[0].p999 == pytest.approx(shown_ms, rel=0.001)
    assert spreads.by_kind()["like"].max == pytest.approx(7_000, rel=0.001)


@pytest.mark.parametrize(
    ("kinds", "others"),
    [(LOAD_PROBLEMS_MAX - 1, 0), (LOAD_PROBLEMS_MAX, 0), (LOAD_PROBLEMS_MAX + 1, 1)],
    ids=["under", "at", "over"],
)
def test_a_server_that_invents_problems_fills_no_memory(kinds: int, others: int) -> None:
    recorder = Recorder(0)
    for number in range(kinds):
        recorder.ends("like", "failed", due_ms=0, at_ms=1, problem=f"{number:03} " + "x" * 10_000)
    problems = spreads_of(recorder).problems
    assert problems[OTHER_PROBLEMS] == others
    assert problems.total() == kinds
    assert max(map(len, problems)) < 200


def test_what_was_taken_is_not_taken_again() -> None:
    recorder = Recorder(0)
    recorder.skips("like", due_ms=10)
    assert recorder.take() != Measured()
    assert recorder.take() == Measured()


def test_what_was_measured_travels_between_processes() -> None:
    recorder = Recorder(0)
    recorder.starts("like", due_ms=0, at_ms=0)
    recorder.ends("like", "failed", due_ms=0, at_ms=3, problem="429 too-many-likes")
    measured = recorder.take()
    sent = msgspec.msgpack.encode(measured)
    assert msgspec.msgpack.decode(sent, type=Measured) == measured


def test_seconds_in_which_nothing_was_are_told_too() -> None:
    recorder = Recorder(0)
    recorder.skips("like", due_ms=0)
    recorder.skips("like", due_ms=2_000)
    sampled = {2: Sample(lag={"feeds": 4}), 3: Sample(cpu={"api": 0.5})}
    ticks = spreads_of(recorder).ticks(sampled)
    assert [(tick.at_s, tick.due) for tick in ticks] == [(0, 1), (1, 0), (2, 1), (3, 0)]
    assert (ticks[2].lag, ticks[3].cpu) == ({"feeds": 4}, {"api": 0.5})
    assert Spreads().ticks({}) == []


def one_of(latency_ms: float) -> Histogram:
    histogram = Histogram()
    histogram.record(latency_ms)
    return histogram
