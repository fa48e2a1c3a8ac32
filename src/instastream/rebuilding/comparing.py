"""What two sets of tables hold, row by row, while both change: what stays different is a fault.

Where the digests of a part of a table differ so do those of some of its parts, and at last rows
are read, again and again. A row that one side has and the other lacks counts only if that is so
each time: what is merely late goes by.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import islice

import msgspec
from msgspec import Struct

from instastream.rebuilding.digesting import PARTS, sum_of
from instastream.steps import Report
from instastream.stores.audits import Arc, arcs
from instastream.stores.cassandra.contents import CassandraContents

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


Rows = frozenset[bytes]
Place = tuple[str, Arc]


async def compare(
    tables: Sequence[str],
    serving: CassandraContents,
    shadow: CassandraContents,
    *,
    follow: Callable[[], Awaitable[None]],
    report: Report,
) -> list[Odd]:
    """What stays different; `follow` waits a little, and has the shadow catch up."""
    odd: dict[Place, tuple[Rows, Rows]] = {}
    places = [(table, arc) for table in tables for arc in arcs(PARTS)]
    for done, (table, arc) in enumerate(places, start=1):
        async for narrow in _differing(table, arc, serving, shadow):
            odd[table, narrow] = await _odd((table, narrow), serving, shadow)
        report(COMPARING, done, len(places))
    for _ in range(ROUNDS):
        if not odd:
            break
        await follow()
        for place, (ours, theirs) in list(odd.items()):
            ours_now, theirs_now = await _odd(place, serving, shadow)
            odd[place] = ours & ours_now, theirs & theirs_now
            if not any(odd[place]):
                del odd[place]
    found = (_told(table, [odd[place] for place in odd if place[0] == table]) for table in tables)
    return [one for one in found if one.rows]


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
) -> tuple[Rows, Rows]:
    """Rows that only one of both has."""
    ours, theirs = await _rows(serving, *place), await _rows(shadow, *place)
    return _some(ours - theirs), _some(theirs - ours)


async def _rows(contents: CassandraContents, table: str, arc: Arc) -> set[bytes]:
    return {msgspec.json.encode(row) async for rows in contents.rows(table, arc) for row in rows}


def _some(rows: set[bytes]) -> Rows:
    return frozenset(islice(sorted(rows), ODD_MAX))


def _told(table: str, odd: Sequence[tuple[Rows, Rows]]) -> Odd:
    ours = sorted(row for one, _ in odd for row in one)
    theirs = sorted(row for _, one in odd for row in one)
    return Odd(
        table=table,
        serving_only=len(ours),
        shadow_only=len(theirs),
        rows=[row.decode() for row in [*ours, *theirs][:TOLD]],
    )
