"""Where worker processes die: at the n-th request of a kind that is made about an event.

Nobody lists these points: whoever comes to one at which nobody died writes it down, and dies. The
end of an event is one, too, before it is committed. Where workers are told not to die they only
tell where they might have. `FOLDER/told` says what they die in, and `FOLDER/APP.points` where.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from instastream.events import identity_of

DIED = 66  # what such a death exits with
COMMIT_S_MAX = 2.0
END, DONE = "the end", "done"


class Told(Struct, frozen=True):
    """What workers are to die in, if they are."""

    dies: bool
    events: Mapping[str, frozenset[str]]  # by app: what they carry as `ce_id`
    passed: frozenset[str] = frozenset()  # of these, all that is not to be died in is passed over
    chores: frozenset[str] = frozenset()
    page_length: int | None = None


class Point(Struct, frozen=True):
    """Where a worker dies while it handles an event, or several together, by their ids."""

    of: tuple[str, ...]
    call: str
    nth: int = 1


def tell(folder: Path, told: Told) -> None:
    """Workers that are started with this folder are told this."""
    (folder / "told").write_bytes(msgspec.json.encode(told))


def told_in(folder: Path) -> Told:
    """What that is."""
    return msgspec.json.decode((folder / "told").read_bytes(), type=Told)


def points_of(folder: Path, app: str) -> list[Point]:
    """Where an app died so far, and what it has done (`call` is DONE)."""
    path = folder / f"{app}.points"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Point) for line in lines]


def note_death(folder: Path) -> None:
    """A process has died at a point."""
    with (folder / "deaths").open("ab") as file:
        file.write(b".")


def deaths_in(folder: Path) -> int:
    """How often one did."""
    path = folder / "deaths"
    return path.stat().st_size if path.exists() else 0


class Walk:
    """Where the processes of an app have died."""

    def __init__(self, folder: Path, app: str, commit: Callable[[], Awaitable[object]]) -> None:
        self.told = told_in(folder)
        self._folder, self._app = folder, app
        self._points = set(points_of(folder, app))
        self._own = self.told.events.get(app, frozenset())
        self._commit = commit
        self._turn = asyncio.Lock()
        self._dying = False

    async def reach(self, point: Point) -> None:
        """Die, unless someone has died here before.

        Whatever may be committed is so before a request: if it comes too early, all is lost.
        """
        while self._dying:
            await asyncio.sleep(COMMIT_S_MAX)
        if not self._keep(point) or not self.told.dies:
            return
        self._dying = True
        try:
            if point.call != END:
                async with asyncio.timeout(COMMIT_S_MAX):
                    await self._commit()
        finally:
            os._exit(DIED)

    def _keep(self, point: Point) -> bool:
        """Whether nobody was here before; that someone was is written down."""
        if point in self._points:
            return False
        self._points.add(point)
        with (self._folder / f"{self._app}.points").open("ab") as file:
            file.write(msgspec.json.encode(point) + b"\n")
        return True

    @asynccontextmanager
    async def handling(self, of: tuple[str, ...]) -> AsyncIterator[None]:
        """What is requested within is about these, and about nothing else."""
        async with self._turn:
            handling = Handling(self, of)
            token = HANDLING.set(handling)
            try:
                yield
            finally:
                HANDLING.reset(token)
            await handling.reach(END)
            self._keep(Point(of, DONE))

    def has_done(self, chore: str) -> bool:
        """Once is enough: later it would find what others left."""
        return Point((chore,), DONE) in self._points

    def own(self, records: Sequence[Any]) -> tuple[str, ...]:
        """The ids of events that are to be died in."""
        ids = tuple(map(_id, records))
        return ids if self._own.intersection(ids) else ()

    def passes(self, record: Any) -> bool:
        """Whether it is for another app alone, or done with: Kafka may give all of it again."""
        return _id(record) in self.told.passed - self._own


class Handling:
    """What is done about some events, from their begin."""

    def __init__(self, walk: Walk, of: tuple[str, ...]) -> None:
        self._walk, self._of = walk, of
        self._made: Counter[str] = Counter()

    async def reach(self, call: str) -> None:
        """The next request of this kind is about to be made."""
        self._made[call] += 1
        await self._walk.reach(Point(self._of, call, self._made[call]))


HANDLING: ContextVar[Handling | None] = ContextVar("HANDLING", default=None)


def _id(record: Any) -> str:
    return identity_of(record.value or b"").decode()
