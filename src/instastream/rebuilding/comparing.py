"""What two sets of tables hold, row by row, while both change: what stays different is a fault.

Where the digests of a part of a table differ so do those of some of its parts, and at last rows
are read, again and again. A row is right where both sides had it so, also at different times: one
of them was late. Else it is told, also where it changed meanwhile; but for a row that was another
each time that it was read, on both sides, such as how far a post is counted that everybody likes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from itertools import islice

import msgspec
from msgspec import Struct

from instastream.rebuilding.digesting import PARTS, sum_of
from instastream.steps import Report
from instastream.stores.audits import Arc, arcs
from instastream.stores.cassandra.contents import TABLES, CassandraContents

ROUNDS = 5
PART_ROWS = 10_000  # that are held in memory, of each side, where they differ
ODD_MAX = 1_000  # rows of a part that are remembered
TOLD = 5  # of a table
COMPARING = "comparing"


class Odd(Struct, frozen=True, kw_only=True):
    """Rows of a table that only one side has, and the first of them, as JSON."""

    table: str
    serving_only: int
    shadow_only: int
    rows: list[str]


Rows = dict[bytes, bytes]  # by their keys
Place = tuple[str, Arc]


class Seen:
    """All that a row was on each side, None where it was not there."""

    def __init__(self, ours: bytes | None, theirs: bytes | None) -> None:
        self.now = ours, theirs
        self.ours, self.theirs = {ours}, {theirs}
        self._looks = 1

    def look(self, ours: bytes | None, theirs: bytes | None) -> None:
        """It is so by now."""
        self.now = ours, theirs
        self.ours.add(ours)
        self.theirs.add(theirs)
        self._looks += 1

    @property
    def is_right(self) -> bool:
        """Whether both sides had it so."""
        return not self.ours.isdisjoint(self.theirs)

    @property
    def is_restless(self) -> bool:
        """Whether both sides had it otherwise each time."""
        return len(self.ours) == len(self.theirs) == self._looks


async def compare(
    tables: Sequence[str],
    serving: CassandraContents,
    shadow: CassandraContents,
    *,
    follow: Callable[[], Awaitable[None]],
    report: Report,
) -> list[Odd]:
    """What stays different; `follow` waits a little, and has the shadow catch up."""
    odd: dict[Place, dict[bytes, Seen]] = {}
    places = [(table, arc) for table in tables for arc in arcs(PARTS)]
    for done, (table, arc) in enumerate(places, start=1):
        async for narrow in _differing(table, arc, serving, shadow):
            odd[table, narrow] = await _odd((table, narrow), serving, shadow)
        report(COMPARING, done, len(places))
    for _ in range(ROUNDS):
        if not odd:
            break
        await follow()
        for place, seen in list(odd.items()):
            odd[place] = await _again(place, seen, serving, shadow)
            if not odd[place]:
                del odd[place]
    wrong: dict[str, list[Seen]] = {table: [] for table in tables}
    for (table, _), seen in odd.items():
        wrong[table] += [one for one in seen.values() if not one.is_restless]
    told = (_told(table, rows) for table, rows in wrong.items())
    return [one for one in told if one.rows]


async def _differing(
    table: str, arc: Arc, serving: CassandraContents, shadow: CassandraContents
) -> AsyncIterator[Arc]:
    """The parts of a part that differ, each of so few rows that they can be held."""
    sums = await asyncio.gather(sum_of(serving, table, arc), sum_of(shadow, table, arc))
    if sums[0] == sums[1]:
        return
    if max(one.rows for one in sums) <= PART_ROWS or arc.until - arc.after <= PARTS:
        yield arc
        return
    for part in arcs(PARTS, arc):
        async for narrow in _differing(table, part, serving, shadow):
            yield narrow


async def _odd(
    place: Place, serving: CassandraContents, shadow: CassandraContents
) -> dict[bytes, Seen]:
    """Rows that are not the same on both sides."""
    ours, theirs = await _rows(serving, *place), await _rows(shadow, *place)
    keys = (key for key in sorted({*ours, *theirs}) if ours.get(key) != theirs.get(key))
    return {key: Seen(ours.get(key), theirs.get(key)) for key in islice(keys, ODD_MAX)}


async def _again(
    place: Place, seen: Mapping[bytes, Seen], serving: CassandraContents, shadow: CassandraContents
) -> dict[bytes, Seen]:
    """Those that still are not."""
    ours, theirs = await _rows(serving, *place), await _rows(shadow, *place)
    for key, one in seen.items():
        one.look(ours.get(key), theirs.get(key))
    return {key: one for key, one in seen.items() if not one.is_right}


async def _rows(contents: CassandraContents, table: str, arc: Arc) -> Rows:
    length = TABLES[table].key
    encode = msgspec.json.encode
    return {
        encode(row[:length]): encode(row)
        async for rows in contents.rows(table, arc)
        for row in rows
    }


def _told(table: str, odd: Sequence[Seen]) -> Odd:
    ours = sorted(row for one in odd if (row := one.now[0]))
    theirs = sorted(row for one in odd if (row := one.now[1]))
    return Odd(
        table=table,
        serving_only=len(ours),
        shadow_only=len(theirs),
        rows=[row.decode() for row in [*ours, *theirs][:TOLD]],
    )
