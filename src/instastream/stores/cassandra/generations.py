"""Which generation of the projections serves: one row that everyone reads, at most a second late.

The first generation lies in the keyspace itself, each later one in a keyspace of its own; the
tables that are no projections never move. Counting is held before another generation serves, so
that whoever counts first in it goes on where its replay ended: docs/decisions/0033.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct

from instastream.errors import Unready

PROJECTED = frozenset(
    """users posts posts_by_author celebrities following followers follower_pages requests walls
    likes comment_ids post_counts comments comment_buckets comment_places""".split()
)
KNOWN_FOR_S = 1.0
SETTLED_S = 5.0  # after a change nobody begins anything as of before, with much to spare
HELD_TTL_S = 60  # a swap that died holds nobody for longer

READ = "SELECT serving, before, held FROM generations WHERE name = 'projections'"
HOLD = f"""UPDATE generations USING TTL {HELD_TTL_S} SET held = ? WHERE name = 'projections'
    IF held = null"""
SERVE = """UPDATE generations SET serving = ?, before = ?, held = null WHERE name = 'projections'
    IF held = ?"""
RELEASE = "UPDATE generations SET held = null WHERE name = 'projections' IF held = ?"


class Serving(Struct, frozen=True, kw_only=True):
    """The generation that serves, the one that did before, and whether counting is held."""

    generation: int = 0
    before: int | None = None
    held: bool = False

    @property
    def following(self) -> int:
        """One that nobody made yet."""
        return max(self.generation, self.before or 0) + 1


class Generations:
    """What `read` says of them, remembered for a moment; one read at a time."""

    def __init__(
        self,
        keyspace: str,
        read: Callable[[], Awaitable[Serving]],
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keyspace = keyspace
        self._read = read
        self._now_s = now_s
        self._reading = asyncio.Lock()
        self._known = Serving()
        self._until_s = float("-inf")

    async def keyspace(self) -> str:
        """Where the generation that serves lies."""
        return keyspace_of(self._keyspace, (await self._serving()).generation)

    async def keyspace_to_count_in(self) -> str:
        """The same; raises Unready while counting is held."""
        serving = await self._serving()
        if serving.held:
            raise Unready("counting waits for another generation of projections to serve")
        return keyspace_of(self._keyspace, serving.generation)

    async def _serving(self) -> Serving:
        if self._now_s() >= self._until_s:
            async with self._reading:
                asked_s = self._now_s()
                if asked_s >= self._until_s:
                    self._known = await self._read()
                    self._until_s = asked_s + KNOWN_FOR_S
        return self._known


def keyspace_of(keyspace: str, generation: int) -> str:
    """Where a generation lies."""
    return f"{keyspace}_g{generation}" if generation else keyspace
