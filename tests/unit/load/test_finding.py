"""The rate rises until a promise is broken."""

import pytest

from instastream.errors import Unready
from instastream.load.over_http.finding import GROWTH, Finder, Slo, rising, slo_of
from instastream.load.reporting.spreads import Recorder, Spreads
from instastream.load.scenario.scenarios import load_scenario

STEP_S = 10.0
SMOKE = rising(load_scenario("smoke"), first=10, step_s=STEP_S)
PROMISE = Slo("read_feed", 99, 50)


@pytest.mark.parametrize(
    ("text", "slo"),
    [
        ("feed.p99<50ms", PROMISE),
        ("read_feed.p99 < 0.05 s", PROMISE),
        ("all.p99.9<1s", Slo("all", 99.9, 1_000)),
        ("post.p99<1s", Slo("post", 99, 1_000)),
        ("visible.p50<2s", Slo("visible", 50, 2_000)),
    ],
)
def test_a_promise_is_written_as_people_say_it(text: str, slo: Slo) -> None:
    assert slo_of(text) == slo


@pytest.mark.parametrize(
    "text",
    [
        "",
        "feed<50ms",
        "feeds.p99<50ms",
        "feed.p99<50",
        "feed.p100<5ms",
        "feed.p0<5ms",
        "feed.p9.9.9<5ms",
    ],
)
def test_what_is_no_promise_is_said(text: str) -> None:
    with pytest.raises(Unready, match="is no promise, as `feed"):
        slo_of(text)


def measured(*, ms_by_step: list[float], lost_in: int | None = None) -> Spreads:
    recorder, spreads = Recorder(0.0), Spreads()
    for step, ms in enumerate(ms_by_step):
        for second in range(int(STEP_S)):
            due_ms = (step * STEP_S + second) * 1e3 + 1
            recorder.starts("read_feed", due_ms=due_ms, at_ms=due_ms)
            recorder.ends("read_feed", "ok", due_ms=due_ms, at_ms=due_ms + ms)
            if step == lost_in:
                recorder.skips("read_feed", due_ms=due_ms)
    spreads.add(recorder.take())
    return spreads


def found(spreads: Spreads, *, seconds: float) -> tuple[Finder, int]:
    stops = 0

    def stop() -> None:
        nonlocal stops
        stops += 1

    finder = Finder([PROMISE], SMOKE, step_s=STEP_S, stop=stop)
    for at_s in range(int(seconds)):
        finder.watch(spreads, float(at_s))
    return finder, stops


def test_the_knee_is_the_last_rate_at_which_all_was_kept() -> None:
    finder, stops = found(measured(ms_by_step=[5, 5, 20, 80, 90, 5]), seconds=80)
    assert stops == 1
    broken = [str(PROMISE)]
    assert [step.broken for step in finder.steps] == [[], [], broken, broken]
    assert finder.knee.found
    assert finder.knee.rate == pytest.approx(10 * GROWTH)


def test_where_it_ended_before_promises_were_broken_no_limit_was_found() -> None:
    finder, _ = found(measured(ms_by_step=[5, 5, 5, 80]), seconds=50)
    assert [bool(step.broken) for step in finder.steps] == [False, False, True]
    assert not finder.knee.found


def test_one_bad_step_is_no_knee() -> None:
    finder, stops = found(measured(ms_by_step=[5, 80, 20, 80, 20, 80, 90]), seconds=90)
    assert stops == 1
    assert finder.knee.rate == pytest.approx(10 * GROWTH**3)


def test_the_first_rate_is_gone_through_once_before_it_is_judged() -> None:
    assert SMOKE.arrivals.at(0, SMOKE.duration_s) == SMOKE.arrivals.at(STEP_S, SMOKE.duration_s)
    finder, stops = found(measured(ms_by_step=[80, 5]), seconds=25)
    assert ([step.broken for step in finder.steps], stops) == ([[]], 0)


def test_what_is_lost_breaks_every_promise() -> None:
    finder, _ = found(measured(ms_by_step=[5, 5, 5], lost_in=2), seconds=60)
    assert finder.steps[1].broken == ["nothing lost"]


def test_where_the_first_is_too_much_there_is_no_knee() -> None:
    finder, _ = found(measured(ms_by_step=[5, 80, 90]), seconds=60)
    assert finder.knee.rate == 0


def test_a_step_is_not_judged_before_it_has_ended() -> None:
    finder, stops = found(measured(ms_by_step=[5, 5, 80]), seconds=30)
    assert (len(finder.steps), stops) == (1, 0)


def test_what_has_no_end_yet_keeps_no_promise() -> None:
    spreads, hanging = measured(ms_by_step=[5, 5]), Recorder(0.0)
    for second in range(int(STEP_S)):
        due_ms = (STEP_S + second) * 1e3
        hanging.starts("read_feed", due_ms=due_ms, at_ms=due_ms)
    spreads.add(hanging.take())
    finder, _ = found(spreads, seconds=25)
    assert finder.steps[0].broken == ["read_feed.p99<50ms"]


def test_what_was_refused_has_an_end() -> None:
    spreads, refused = measured(ms_by_step=[5, 5]), Recorder(0.0)
    refused.starts("read_feed", due_ms=15_000.0, at_ms=15_000.0)
    refused.ends("read_feed", "failed", due_ms=15_000.0, at_ms=18_000.0)
    spreads.add(refused.take())
    assert found(spreads, seconds=25)[0].steps[0].broken == []
