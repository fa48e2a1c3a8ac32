"""The open loop: each operation begins when it is due, whatever became of those before."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from instastream.load.over_http.clock import Clock
from instastream.load.over_http.doing import Outcome
from instastream.load.reporting.spreads import Recorder
from instastream.load.scenario.plans import Operation

AHEAD_S = 0.0005  # what is due so soon is begun at once: timers are no finer
TOGETHER = 16  # are begun, where so many are due, before answers are looked at again
LATE_S = 30.0  # for what is under way at the end
GIVEN_UP = Outcome("unknown", "no end within the run")


class Does(Protocol):
    """Whoever does operations."""

    async def do(self, operation: Operation, *, due_ms: float) -> Outcome:
        """Do one."""
        ...

    def hindrance(self, operation: Operation) -> str:
        """Why one can't be begun, "" where it can."""
        ...

    def leave(self, operation: Operation, why: str, *, due_ms: float) -> None:
        """Say that one could not be begun."""
        ...


async def run_open(
    operations: Iterable[Operation],
    doer: Does,
    recorder: Recorder,
    *,
    start_ms: float,
    at_once: int,
    stopping: asyncio.Event,
    clock: Clock,
) -> None:
    """Begin each at `start_ms` (Unix) and its own time; where `at_once` are under way it is left.

    Once `stopping` is set nothing is begun any more, and what is under way comes to its end. What
    has none for long is given up then: it took as long at least.
    """
    running: set[asyncio.Task[None]] = set()
    faults: list[asyncio.Task[None]] = []
    begun = 0

    def ended(task: asyncio.Task[None]) -> None:
        running.discard(task)
        if not task.cancelled() and task.exception():
            faults.append(task)
            stopping.set()

    for operation in operations:
        due_ms = start_ms + operation.due_s * 1e3
        wait_s = (due_ms - clock.now_ms()) / 1e3
        begun += 1
        if wait_s > AHEAD_S:
            await _sleep(wait_s, stopping)
        elif begun % TOGETHER == 0:
            await asyncio.sleep(0)
        if stopping.is_set():
            break
        if why := "connections" if len(running) >= at_once else doer.hindrance(operation):
            doer.leave(operation, why, due_ms=due_ms)
            recorder.skips(operation.kind, due_ms=due_ms)
            continue
        task = asyncio.create_task(do_one(operation, doer, recorder, clock, due_ms=due_ms))
        running.add(task)
        task.add_done_callback(ended)
    if running:
        _, late = await asyncio.wait(running, timeout=LATE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    await asyncio.gather(*faults)  # such as a full disk; what a system answers is none


async def do_one(
    operation: Operation, doer: Does, recorder: Recorder, clock: Clock, *, due_ms: float
) -> None:
    """Do one now, and record it."""
    recorder.starts(operation.kind, due_ms=due_ms, at_ms=clock.now_ms())
    outcome = GIVEN_UP
    try:
        outcome = await doer.do(operation, due_ms=due_ms)
    finally:
        phase, problem = outcome.phase, outcome.problem
        at_ms = clock.now_ms()
        recorder.ends(operation.kind, phase, due_ms=due_ms, at_ms=at_ms, problem=problem)


async def _sleep(wait_s: float, stopping: asyncio.Event) -> None:
    if wait_s < 1:
        await asyncio.sleep(wait_s)
        return
    try:
        async with asyncio.timeout(wait_s):
            await stopping.wait()
    except TimeoutError:
        pass
