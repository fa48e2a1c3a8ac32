"""Which generation of the projections serves: one row that everyone reads, at most a second late.

The first generation lies in the keyspace itself, each later one in a keyspace of its own; the
tables that are no projections never move. Counting is held before another generation serves, so
that whoever counts first in it goes on where its replay ended: docs/decisions/0033.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Any, Protocol

from msgspec import Struct

from instastream.errors import Unavailable, Unready

PROJECTED = frozenset(
    {
        "users",
        *("posts", "posts_by_author", "celebrities"),
        *("following", "followers", "follower_pages", "requests", "walls"),
        *("likes", "post_counts"),
        *("comment_ids", "comments", "comment_buckets", "comment_places"),
    }
)
KNOWN_FOR_S = 1.0
SETTLED_S = 2 * KNOWN_FOR_S  # after a change nobody begins anything as of before
HELD_TTL_S = 60  # a swap that died holds nobody for longer

READ = "SELECT serving, before, held FROM generations WHERE name = 'projections'"
HOLD = f"""UPDATE generations USING TTL {HELD_TTL_S} SET held = ? WHERE name = 'projections'
    IF held = null"""
SERVE = """UPDATE generations SET serving = ?, before = ?, held = null WHERE name = 'projections'
    IF held = ?"""
RELEASE = "UPDATE generations SET held = null WHERE name = 'projections' IF held = ?"

LEASE_S = 60  # of whoever makes another: extended while that goes on
EXTENDED_EVERY_S = 15.0
TAKE = f"""UPDATE generations USING TTL {LEASE_S} SET held = ? WHERE name = 'making'
    IF held = null"""
EXTEND = f"""UPDATE generations USING TTL {LEASE_S} SET held = ? WHERE name = 'making'
    IF held = ?"""
GIVE_BACK = "UPDATE generations SET held = null WHERE name = 'making' IF held = ?"


class Serving(Struct, frozen=True, kw_only=True):
    """The generation that serves, the one that did before, and whether counting is held."""

    generation: int = 0
    before: int | None = None
    held: bool = False

    @property
    def kept(self) -> set[int]:
        """Those that are needed."""
        return {self.generation} if self.before is None else {self.generation, self.before}

    @property
    def following(self) -> int:
        """One that nobody made yet."""
        return max(self.generation, self.before or 0) + 1


class Executor(Protocol):
    """What runs CQL in the keyspace of everything that is no projection."""

    async def execute(self, cql: str, *values: object, serial: bool = False) -> list[Any]:
        """The rows of an idempotent statement."""

    async def execute_once(self, cql: str, *values: object) -> Any:
        """A conditional write: `[applied]`."""


class Generations:
    """What everyone reads of them, remembered for a moment; one read at a time."""

    def __init__(
        self, keyspace: str, session: Executor, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._keyspace = keyspace
        self._session = session
        self._now_s = now_s
        self._reading = asyncio.Lock()
        self._known = Serving()
        self._until_s = self._failed_s = float("-inf")

    async def keyspace(self) -> str:
        """Where the generation lies that serves."""
        return keyspace_of(self._keyspace, (await self._serving()).generation)

    async def keyspace_to_count_in(self) -> str:
        """The same; raises Unready while counting is held."""
        serving = await self._serving()
        if serving.held:
            raise Unready("counting waits: another generation of projections is about to serve")
        return keyspace_of(self._keyspace, serving.generation)

    async def ask(self, *, serial: bool = True) -> Serving:
        """Which serves now; serial: also where a change is under way."""
        rows = await self._session.execute(READ, serial=serial)
        if not rows:
            return Serving()
        row = rows[0]
        return Serving(generation=row.serving or 0, before=row.before, held=bool(row.held))

    async def hold(self, token: str) -> bool:
        """Nobody counts from a moment on, for a while; False where another holds already."""
        return bool((await self._session.execute_once(HOLD, token)).applied)

    async def release(self, token: str) -> None:
        """Whoever holds by this token holds no longer."""
        await self._session.execute_once(RELEASE, token)

    async def serve(self, generation: int, *, before: int, token: str) -> bool:
        """Another serves, and everyone counts in it; False where it was held for too long."""
        return bool((await self._session.execute_once(SERVE, generation, before, token)).applied)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[asyncio.Timeout]:
        """Nobody else makes a generation, rebuilds or repairs counters: a lease, until it expires.

        Raises Unready where somebody does; and within, after a minute without Cassandra.
        """
        token, begun_s = token_hex(8), asyncio.get_running_loop().time()
        if not (await self._session.execute_once(TAKE, token)).applied:
            raise Unready(
                "someone makes another generation of projections, or rebuilds or repairs counters: "
                "wait until that is done; what was killed is forgotten after a minute"
            )
        lease = asyncio.timeout_at(begun_s + LEASE_S)
        try:
            async with lease:
                extending = asyncio.create_task(self._extend(lease, token))
                try:
                    yield lease
                finally:
                    extending.cancel()
                    await asyncio.gather(extending, return_exceptions=True)
        except TimeoutError:
            if not lease.expired():
                raise
            raise Unready("cassandra was away for a minute: begin again") from None
        finally:
            with suppress(Unavailable):
                await self._session.execute_once(GIVE_BACK, token)

    async def _extend(self, lease: asyncio.Timeout, token: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(EXTENDED_EVERY_S)
            asked_s = loop.time()
            with suppress(Unavailable):
                extended = (await self._session.execute_once(EXTEND, token, token)).applied
                lease.reschedule(asked_s + LEASE_S if extended else asked_s)

    async def _serving(self) -> Serving:
        """A read that fails fails for all who waited for it: nobody waits for one after another."""
        wanted_s = self._now_s()
        if wanted_s >= self._until_s:
            async with self._reading:
                if wanted_s < self._failed_s:
                    raise Unavailable("cassandra", "it does not say which generation serves")
                await self._read()
        return self._known

    async def _read(self) -> None:
        asked_s = self._now_s()
        if asked_s < self._until_s:
            return
        try:
            self._known = await self.ask(serial=False)
        except Unavailable:
            self._failed_s = self._now_s()
            raise
        self._until_s = asked_s + KNOWN_FOR_S


def keyspace_of(keyspace: str, generation: int) -> str:
    """Where a generation lies."""
    return f"{keyspace}_g{generation}" if generation else keyspace
