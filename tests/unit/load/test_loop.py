"""The open loop keeps its time whatever the system does."""

import asyncio
import time

import pytest

from instastream.errors import Unready
from instastream.load.over_http import loop
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.doing import Outcome
from instastream.load.over_http.loop import run_open
from instastream.load.reporting.spreads import Recorder, Spreads
from instastream.load.scenario.plans import Operation


class Slow:
    """A system that takes its time; or one that is at fault."""

    def __init__(self, *, takes_s: float, fault: Exception | None = None) -> None:
        self.takes_s = takes_s
        self.fault = fault
        self.begun: list[int] = []
        self.left: list[tuple[int, str]] = []

    async def do(self, operation: Operation, *, due_ms: float) -> Outcome:
        self.begun.append(operation.number)
        await asyncio.sleep(self.takes_s)
        if self.fault:
            raise self.fault
        return Outcome("ok")

    def hindrance(self, operation: Operation) -> str:
        return "no-subject" if operation.kind == "like" else ""

    def leave(self, operation: Operation, why: str, *, due_ms: float) -> None:
        self.left.append((operation.number, why))


def reads(count: int, *, every_s: float) -> list[Operation]:
    return [Operation(n, n * every_s, "read_feed", 0) for n in range(count)]


async def ran(
    operations: list[Operation], doer: Slow, *, at_once: int = 100, stop_s: float | None = None
) -> Spreads:
    clock, stopping = Clock.started(), asyncio.Event()
    recorder, spreads = Recorder(clock.unix_ms), Spreads()
    if stop_s is not None:
        asyncio.get_running_loop().call_later(stop_s, stopping.set)
    await run_open(
        operations,
        doer,
        recorder,
        start_ms=clock.unix_ms,
        at_once=at_once,
        stopping=stopping,
        clock=clock,
    )
    spreads.add(recorder.take())
    return spreads


async def test_a_slow_system_does_not_hold_up_what_is_due() -> None:
    doer = Slow(takes_s=0.3)
    spread = (await ran(reads(20, every_s=0.01), doer)).all()
    assert doer.begun == list(range(20))
    assert (spread.count, spread.ok) == (20, 20)
    assert spread.p50 >= 300


async def test_what_waited_is_counted_from_when_it_was_due() -> None:
    doer = Slow(takes_s=0.0)
    late = [Operation(0, -5.0, "read_feed", 0)]
    assert (await ran(late, doer)).all().p50 >= 5_000


async def test_what_can_not_begin_is_counted_and_written_down() -> None:
    doer = Slow(takes_s=0.5)
    operations = [*reads(5, every_s=0), Operation(5, 0.0, "like", 0)]
    spread = (await ran(operations, doer, at_once=3)).all()
    assert doer.begun == [0, 1, 2]
    assert doer.left[:2] == [(3, "connections"), (4, "connections")]
    assert (spread.count, spread.ok, spread.unstarted) == (6, 3, 3)


async def test_what_has_no_subject_is_left() -> None:
    doer = Slow(takes_s=0.0)
    await ran([Operation(0, 0.0, "like", 0)], doer)
    assert doer.left == [(0, "no-subject")]


async def test_once_stopped_nothing_begins_and_what_has_begun_ends() -> None:
    doer = Slow(takes_s=0.2)
    spread = (await ran(reads(3, every_s=2.0), doer, stop_s=0.1)).all()
    assert doer.begun == [0]
    assert (spread.count, spread.ok) == (1, 1)


async def test_what_has_no_end_is_given_up_and_was_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LATE_S", 0.2)
    spreads = await ran(reads(2, every_s=0), Slow(takes_s=60.0))
    assert spreads.all().unknown == 2
    assert spreads.all().p50 >= 200
    assert spreads.problems == {"no end within the run": 2}
    assert spreads.ticks({})[-1].in_flight == 0


async def test_a_fault_of_ones_own_ends_the_run_and_is_raised() -> None:
    doer = Slow(takes_s=0.0, fault=Unready("the disk is full"))
    with pytest.raises(Unready, match="the disk is full"):
        await ran(reads(10, every_s=0.2), doer)
    assert len(doer.begun) < 10


async def test_a_clock_that_jumps_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock.started()
    jumped_ns = time.time_ns() - 3_600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: jumped_ns)
    monkeypatch.setattr(time, "time", lambda: jumped_ns / 1e9)
    before_ms = clock.now_ms()
    await asyncio.sleep(0.01)
    assert 5 < clock.now_ms() - before_ms < 1_000
    assert clock.now_ms() - clock.unix_ms < 60_000
