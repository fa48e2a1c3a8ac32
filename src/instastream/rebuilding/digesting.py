"""Digests of what projections hold: of equal contents they are equal, however these came there.

A digest is the sum of those of all rows, so that their order does not matter, nor where they lie;
parts of a table have digests of their own, by which one finds where two tables differ.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from zlib import crc32

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from instastream.errors import Unready
from instastream.rebuilding.projections import Projection
from instastream.steps import Report
from instastream.stores.audits import Arc, arcs
from instastream.stores.cassandra.contents import CassandraContents, Content
from instastream.stores.counts import Counts

DIGEST_BYTES = 16
SUMS = 1 << (8 * DIGEST_BYTES)
TOTALS = "totals in Redis"
PARTS = 16


class Sum(Struct, frozen=True):
    """How many rows, and the sum of their digests in hex."""

    rows: int = 0
    digest: str = "0" * 2 * DIGEST_BYTES

    def having(self, contents: Iterable[Content]) -> "Sum":
        """These rows, too."""
        rows, total = self.rows, int(self.digest, 16)
        for content in contents:
            rows += 1
            hashed = blake2b(msgspec.json.encode(content), digest_size=DIGEST_BYTES)
            total += int.from_bytes(hashed.digest())
        return Sum(rows, _hex(total))


class Digest(Struct, frozen=True, kw_only=True):
    """What a table holds: in all, and in parts, of the ring for Cassandra's."""

    projection: str
    table: str
    rows: int
    digest: str
    parts: list[Sum]


def summed(projection: str, table: str, parts: Sequence[Sum]) -> Digest:
    """The digest of a table, of those of its parts."""
    total = sum(int(part.digest, 16) for part in parts)
    return Digest(
        projection=projection,
        table=table,
        rows=sum(part.rows for part in parts),
        digest=_hex(total),
        parts=list(parts),
    )


def _hex(total: int) -> str:
    return f"{total % SUMS:0{2 * DIGEST_BYTES}x}"


async def sum_of(contents: CassandraContents, table: str, arc: Arc) -> Sum:
    """Of a part of a table."""
    part = Sum()
    async for rows in contents.rows(table, arc):
        part = part.having(rows)
    return part


async def digests(
    projections: Sequence[Projection],
    contents: CassandraContents,
    *,
    parts: int = PARTS,
    report: Report,
) -> list[Digest]:
    """Of each table of some projections; of one that changes meanwhile they are of no moment."""
    tables = [(one.name, table) for one in projections for table in one.tables]
    found = []
    for before, (projection, table) in enumerate(tables):
        sums = []
        for done, arc in enumerate(arcs(parts), start=1 + before * parts):
            sums.append(await sum_of(contents, table, arc))
            report("reading tables", done, parts * len(tables))
        found.append(summed(projection, table, sums))
    return found


async def digest_of_totals(counts: Counts, *, parts: int = PARTS) -> Digest:
    """Of the totals that are kept to be shown: those that nobody asked for lately have ended."""
    sums = [Sum()] * parts
    async for kind, total in counts.everything():
        at = crc32(total.subject_id.encode()) % parts
        sums[at] = sums[at].having([(kind, *astuple(total))])
    return summed("counts", TOTALS, sums)


class Difference(Struct, frozen=True, kw_only=True):
    """A table that does not hold what it held."""

    table: str
    rows: int
    rows_before: int
    parts: list[int]  # that differ, from 0 on


def differences(now: Sequence[Digest], before: Sequence[Digest]) -> list[Difference]:
    """Of those tables that both are of; raises Unready where they can't be compared."""
    earlier = {one.table: one for one in before}
    if missing := [one.table for one in now if one.table not in earlier]:
        raise Unready(f"there is nothing to compare {', '.join(missing)} with")
    return [found for one in now if (found := _difference(one, earlier[one.table]))]


def _difference(now: Digest, before: Digest) -> Difference | None:
    if len(now.parts) != len(before.parts):
        raise Unready(
            f"{now.table} was read in {len(before.parts)} parts, not {len(now.parts)}: "
            f"give --parts {len(before.parts)}"
        )
    pairs = zip(now.parts, before.parts, strict=True)
    parts = [at for at, (one, other) in enumerate(pairs) if one != other]
    if not parts:
        return None
    return Difference(table=now.table, rows=now.rows, rows_before=before.rows, parts=parts)
