"""Processes that die, stand still, are started again, come and go, and do what others do, too."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from time import monotonic

from infra import local
from instastream.errors import Unready
from tests.nemesis.target import SERVERS, Target
from tests.nemesis.traces import Traces

STANDIN, TWIN, GUEST = "-standin", "-twin", "-guest"
GUESTS = 2  # that come and go at the same time
STAYS_S = (0.0, 2.0)  # after one is ready
STORM_S = 12.0
TWINS_AT_ONCE = 3  # that start: Python takes a second of a core
TWINS = tuple(worker for worker in local.WORKERS if worker != "video")  # a core for itself


@asynccontextmanager
async def kill(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """SIGKILL, and started again."""
    target.kill(of)
    try:
        yield Traces()
    finally:
        await target.start(of)


@asynccontextmanager
async def pause(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """SIGSTOP and SIGCONT. A worker's partitions go to another: it comes back to find them gone."""
    if of in local.WORKERS:
        await target.stack.run(target.another(of, of + STANDIN))
    target.signal(of, signal.SIGSTOP)
    try:
        yield Traces()
    finally:
        target.signal(of, signal.SIGCONT)
        if of in local.WORKERS:
            await target.stop(of + STANDIN)


@asynccontextmanager
async def restart(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """SIGTERM to all of ours or to each server in turn, and started again: as an upgrade does."""
    names = list(SERVERS if of == "servers" else ("api", *local.WORKERS))
    random.shuffle(names)
    for name in names:
        await target.stop(name)
        await target.start(name)
    yield Traces()


@asynccontextmanager
async def storm(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """Workers join and leave all the time, some without a word: every group is rebalanced."""
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(GUESTS):
                group.create_task(_come_and_go(target, f"{GUEST}{number}", random))
        yield Traces()
    finally:
        for row in target.stack.status():
            if GUEST in row.name:
                await target.stop(row.name)


async def _come_and_go(target: Target, mark: str, random: Random) -> None:
    ends_s = monotonic() + STORM_S
    while monotonic() < ends_s:
        worker = random.choice(local.WORKERS)
        guest = target.another(worker, worker + mark)
        with suppress(Unready):  # one that was called while its partitions move ends by itself
            await target.stack.run(guest)
        await asyncio.sleep(random.uniform(*STAYS_S))
        if random.random() < 0.5:
            target.kill(guest.name)
        await target.stop(guest.name)


@asynccontextmanager
async def twins(target: Target, of: str, random: Random) -> AsyncIterator[Traces]:
    """Every event that there ever was is also handled by others, while the load goes on."""
    group = f"{TWIN}-{random.randrange(1 << 32):08x}"
    free = asyncio.Semaphore(TWINS_AT_ONCE)

    async def begin(worker: str) -> None:
        async with free:
            await target.stack.run(target.another(worker, worker + TWIN, group=group))

    try:
        async with asyncio.TaskGroup() as tasks:
            for worker in TWINS:
                tasks.create_task(begin(worker))
        yield Traces()
    finally:
        await asyncio.gather(*(target.stop(worker + TWIN) for worker in TWINS))
