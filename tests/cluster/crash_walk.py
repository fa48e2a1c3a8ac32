"""Workers in a namespace of their own, which handle the works of `crash_story` and may die.

What came before is handled first, in peace and in its order, and causes nothing, as in
`crash_world`. Then each app dies at each point of its own works, all apps side by side, as
`tests.nemesis.crashing` has it.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from infra import local
from infra.provision import provision
from instastream.deps import Deps, open_deps
from instastream.events import Event
from instastream.lag import looking
from instastream.settings import Settings
from tests.cluster.crash_state import Line, state_of
from tests.cluster.crash_works import Placed, append, ids_of
from tests.nemesis.crash_points import DONE, Point, Told, deaths_in, points_of, tell

ROOT = Path(__file__).parents[2]
GRACE_S = 10
POLL_S = 0.2
STUCK_S = 180.0  # on a busy machine a life takes some ten
WALK_S_MAX = 3_600.0


class Walked(NamedTuple):
    """What a walk came to."""

    points: dict[str, set[Point]]  # by app: where its processes died, or would have
    deaths: int
    state: set[Line]


async def walk(
    environ: Mapping[str, str], folder: Path, works: Collection[Placed], *, dies: bool
) -> Walked:
    """Handle all of the works in a new namespace."""
    await asyncio.to_thread(folder.mkdir)
    settings = Settings.from_env(environ)
    await provision(settings)
    async with asyncio.timeout(WALK_S_MAX), open_deps(settings) as deps:
        asked = await _have_past(environ, folder, works, deps)
        await asyncio.sleep(GRACE_S)  # what is to be reclaimed is due by then
        every = {one: one.events(asked[one.number]) for one in works}
        passed = ids_of(event for one, its in every.items() for event in (*one.past, *its))
        for length in sorted({one.work.page_length for one in works}, reverse=True):
            events = {one: its for one, its in every.items() if one.work.page_length == length}
            told = replace(_told(events, dies=dies), passed=passed, page_length=length)
            await append((event for its in events.values() for event in its), deps)
            async with workers(environ, folder, told):
                await _done(told, folder)
                await _at_rest(settings)
        points = {app: _died(points_of(folder, app)) for app in local.WORKERS}
        return Walked(points, deaths_in(folder), await state_of(settings, deps))


async def _have_past(
    environ: Mapping[str, str], folder: Path, works: Collection[Placed], deps: Deps
) -> dict[int, int]:
    """All apps have handled what came before; returns by work where a request to follow stands."""
    asked = dict.fromkeys((one.number for one in works), 0)
    for one in works:
        await _prepare(one, deps)
    async with workers(environ, folder, _told({}, dies=False)):
        for events in zip_longest(*(one.past for one in works)):
            for number, event in zip(asked, events, strict=True):
                asked[number] = await append([event] if event else [], deps) or asked[number]
            await _at_rest(deps.settings)
    return asked


async def _prepare(one: Placed, deps: Deps) -> None:
    for key, content in one.objects.items():
        await deps.blobs.put(key, content, content_type="application/octet-stream")
    for reader in one.readers:
        await deps.feeds.open(reader, "token")
        await deps.feeds.fill(reader, "token", [])


def _told(events: Mapping[Placed, Sequence[Event]], *, dies: bool) -> Told:
    """To each app its own."""
    ids = {
        app: frozenset[str]().union(
            *(ids_of(its) for one, its in events.items() if one.work.app == app)
        )
        for app in local.WORKERS
    }
    chores = frozenset(one.work.chore for one in events) - {""}
    return Told(dies=dies, events=ids, chores=chores)


async def _done(told: Told, folder: Path) -> None:
    """All of it was handled to its end; raises AssertionError where nobody goes on."""
    left = told.chores.union(*told.events.values())
    points: list[Point] = []
    while left:
        reached = len(points)
        try:
            async with asyncio.timeout(STUCK_S):
                while len(points := _points(folder)) == reached:
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise AssertionError(f"never done, nor died in again: {sorted(left)}") from None
        left -= {one for point in points if point.call == DONE for one in point.of}


def _points(folder: Path) -> list[Point]:
    return [point for app in local.WORKERS for point in points_of(folder, app)]


def _died(points: Iterable[Point]) -> set[Point]:
    return {point for point in points if point.call != DONE}


async def _at_rest(settings: Settings) -> None:
    """Nothing is left of what workers read."""
    async with looking(settings) as look:
        while await look():
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def workers(environ: Mapping[str, str], folder: Path, told: Told) -> AsyncIterator[None]:
    """One of each kind, of this checkout; each is started again when it dies at a point.

    Raises an ExceptionGroup within as soon as one ends by itself.
    """
    tell(folder, told)
    own = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "TMPDIR": str(folder), "PATH": os.defpath}
    altered = [sys.executable, "-m", "tests.nemesis.altered", "crash", str(folder)]
    process = await asyncio.create_subprocess_exec(
        *altered,
        *("streams", "--quiet"),
        env={"LANG": "C.UTF-8", **environ, **own},
        cwd=folder,
        start_new_session=True,
    )
    try:
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(_outlast(process))
            yield
            ended.cancel()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _outlast(process: Process) -> None:
    raise AssertionError(f"a worker ended by itself: {await process.wait()}")
