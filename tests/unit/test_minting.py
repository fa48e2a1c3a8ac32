"""Processes that lease from one store never mint the same id."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Unavailable
from instastream.minting import LEASE_MS, LeasedIds
from instastream.stores.memory import MemoryLeases

START_MS = 1_795_000_000_000


class Clock:
    """A clock that a test sets."""

    now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-2 * LEASE_MS, 2 * LEASE_MS), st.booleans()),
        max_size=60,
    )
)
def test_ids_are_unique_across_processes_restarts_and_skewed_clocks(
    steps: list[tuple[int, int, bool]],
) -> None:
    async def run() -> None:
        leases = MemoryLeases(workers=8)
        clocks = [Clock() for _ in range(3)]
        processes = [LeasedIds(leases, clock) for clock in clocks]
        minted: list[str] = []
        for who, step_ms, restarts in steps:
            clocks[who].now_ms = max(clocks[who].now_ms + step_ms, START_MS)
            with suppress(Unavailable):  # a clock that is far back is not believed
                minted.append(await processes[who].mint())
            if restarts:
                await processes[who].__aexit__()
                processes[who] = LeasedIds(leases, clocks[who])
        assert len(set(minted)) == len(minted)

    asyncio.run(run())


async def test_a_process_asks_for_a_lease_once_a_minute() -> None:
    leases, clock = MemoryLeases(), Clock()
    ids = LeasedIds(leases, clock)
    for _ in range(100):
        await ids.mint()
    assert leases.ends_ms == {0: START_MS + LEASE_MS}
    clock.now_ms += LEASE_MS
    await ids.mint()
    assert leases.ends_ms == {0: START_MS + 2 * LEASE_MS}


async def test_a_process_that_stops_gives_its_time_back() -> None:
    leases, clock = MemoryLeases(), Clock()
    async with LeasedIds(leases, clock) as ids:
        await ids.mint()
    assert leases.ends_ms == {0: START_MS + 1}
    async with LeasedIds(leases, clock):
        pass  # never minted, never leased
    assert leases.ends_ms == {0: START_MS + 1}


@pytest.mark.parametrize("back_ms", [LEASE_MS, 3 * LEASE_MS])
async def test_a_lease_is_never_shortened_by_a_clock_that_steps_back(back_ms: int) -> None:
    """Another process could lease the time that was used, and mint the same ids."""
    leases, clock = MemoryLeases(), Clock()
    ids = LeasedIds(leases, clock)
    await ids.mint()
    clock.now_ms = START_MS + LEASE_MS - 1
    await ids.mint()
    clock.now_ms -= back_ms
    with pytest.raises(Unavailable, match="stepped back"):
        await ids.mint()
    assert leases.ends_ms[0] >= START_MS + LEASE_MS
