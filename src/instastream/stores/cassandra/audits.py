"""Sharded counters on Cassandra, recounted page by page, and repaired.

Every row of a partition comes with its statics: where the first and the last one say the same
version, all rows between are as of it. A repair is dated just below the next event: what a later
event writes, before it or after, stays.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from struct import pack

from instastream.counting import Member, Shard
from instastream.stores.audits import NO_MEMBERS, RECOUNTS_MAX, Arc, Recount, nothing_at
from instastream.stores.cassandra.counter_rows import (
    HEADER,
    MEMBERS,
    SHARD_COLUMNS,
    Rows,
    Statement,
    columns_of,
    dated_at,
    key_of,
    shard_in,
)
from instastream.stores.cassandra.counters import PUBLISH, PUBLISHED
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.counters import Place

AT_ONCE = 20_000  # rows of a shard in one page: a smaller one is read as of one moment
BATCH_LENGTH = 500  # rows that are compared, and written, together

COLUMNS = f"""subject_id, shard, place, member_id, placed, {SHARD_COLUMNS}, WRITETIME(count)
    AS count_at, WRITETIME(size) AS size_at, WRITETIME(version) AS version_at"""
PUBLISHED_IN = f"""SELECT post_id AS subject_id, shard, {SHARD_COLUMNS} FROM post_counts
    WHERE token(post_id) > ? AND token(post_id) <= ?"""


class CassandraAudits:
    """Of the counters in a table such as `likes`."""

    def __init__(
        self, session: Session, table: str, *, lists: bool = True, parts: bool = True
    ) -> None:
        self._session = session
        self._lists = lists
        self._parts = parts  # whether a subject may have several shards
        where = "WHERE subject_id = ? AND shard = ?"
        self._arc = f"""SELECT {COLUMNS} FROM {table}
            WHERE token(subject_id, shard) > ? AND token(subject_id, shard) <= ?"""
        self._shard = f"SELECT {COLUMNS} FROM {table} {where}"
        self._said = f"""SELECT shard, member_id, {SHARD_COLUMNS} FROM {table} WHERE subject_id = ?
            AND shard IN ? AND place = {MEMBERS} AND member_id = {HEADER}"""
        self._list = f"SELECT place, member_id FROM {table} {where} AND place > {MEMBERS}"
        self._members = f"""SELECT member_id, placed, {SHARD_COLUMNS} FROM {table} {where}
            AND place = {MEMBERS}"""
        self._placed = f"""SELECT member_id, placed FROM {table} {where}
            AND place = {MEMBERS} AND member_id IN ?"""
        self._listed = f"""SELECT place, member_id FROM {table} {where}
            AND (place, member_id) IN ?"""
        self._rows = Rows(table)

    async def recounts(self, arc: Arc) -> AsyncIterator[Recount]:
        tally: Tally | None = None
        async for page in self._session.pages(self._arc, *arc):
            for row in page:
                place = Place(str(row.subject_id), row.shard)
                if tally is None or tally.place != place:
                    if tally:
                        yield await self._settled(tally.recount())
                    tally = Tally(place, lists=self._lists)
                tally.add(row)
        if tally:
            yield await self._settled(tally.recount())

    async def _settled(self, recount: Recount) -> Recount:
        return recount if recount.settled else await self.recount(recount.place)

    async def recount(self, place: Place) -> Recount:
        for _ in range(RECOUNTS_MAX):
            tally = Tally(place, lists=self._lists)
            async for page in self._session.pages(self._shard, *key_of(place), rows=AT_ONCE):
                for row in page:
                    tally.add(row)
            if (recount := tally.recount()).settled:
                break
        return recount

    async def members(self, place: Place) -> AsyncIterator[list[Member]]:
        async for page in self._session.pages(self._members, *key_of(place)):
            yield [str(row.member_id) for row in page if row.member_id != HEADER]

    async def snapshot(self, place: Place) -> tuple[Shard, dict[Member, int]] | None:
        for _ in range(RECOUNTS_MAX):
            shards: list[Shard] = []
            members: dict[Member, int] = {}
            async for page in self._session.pages(self._members, *key_of(place), rows=AT_ONCE):
                shards = [*shards[:1], *map(shard_in, page[-1:])]
                members |= {
                    str(row.member_id): row.placed
                    for row in page
                    if row.member_id != HEADER and row.placed is not None
                }
            if len({shard.version for shard in shards}) <= 1:
                return (shards[0] if shards else Shard()), members
        return None

    async def said(self, subject_id: str, shards: Collection[int]) -> dict[Place, Shard]:
        rows = await self._session.execute(self._said, int(subject_id), sorted(shards))
        return {Place(subject_id, row.shard): shard_in(row) for row in rows}

    async def repair(
        self, place: Place, shard: Shard, members: Mapping[Member, int | None] = NO_MEMBERS
    ) -> None:
        """Members come first: the list is made of them, and their number is told of last."""
        at = dated_at(shard) + 1
        await self._write([self._member(place, *one, at) for one in members.items()])
        async for rows in self._session.pages(self._list, *key_of(place), rows=BATCH_LENGTH):
            await self._write(await self._strays(place, rows, at))
        async for rows in self._session.pages(self._members, *key_of(place), rows=BATCH_LENGTH):
            await self._write(await self._unlisted(place, rows, at))
        await self._write([self._rows.shard(key_of(place), shard, at=at)])

    async def _write(self, statements: Sequence[Statement]) -> None:
        for at in range(0, len(statements), BATCH_LENGTH):
            await self._session.execute_together(statements[at : at + BATCH_LENGTH])

    def _member(self, place: Place, member: Member, placed: int | None, at: int) -> Statement:
        if placed is None:
            return self._rows.gone(key_of(place), MEMBERS, int(member), at=at)
        return self._rows.member(key_of(place), member, placed, at=at)

    async def _strays(self, place: Place, rows: Sequence[Row], at: int) -> list[Statement]:
        """Of what is listed, that which no member that counts is listed at."""
        ids = sorted({row.member_id for row in rows} if self._lists else ())
        found = await self._session.execute(self._placed, *key_of(place), ids) if ids else []
        placed = {row.member_id: row.placed for row in found}
        return [
            self._rows.gone(key_of(place), row.place, row.member_id, at=at)
            for row in rows
            if placed.get(row.member_id) != row.place
        ]

    async def _unlisted(self, place: Place, rows: Sequence[Row], at: int) -> list[Statement]:
        """Members that count and are not listed."""
        counted = [(row.placed, row.member_id) for row in rows if row.placed and self._lists]
        if not counted:
            return []
        found = await self._session.execute(self._listed, *key_of(place), counted)
        listed = {(row.place, row.member_id) for row in found}
        return [
            self._rows.listed(key_of(place), *one, at=at) for one in counted if one not in listed
        ]

    async def published(self, arc: Arc) -> AsyncIterator[dict[Place, Shard]]:
        if not self._parts:
            return
        found: dict[Place, Shard] = {}
        async for page in self._session.pages(PUBLISHED_IN, *arc):
            for subject_id, rows in groupby(page, key=attrgetter("subject_id")):
                if found and next(iter(found)).subject_id != str(subject_id):
                    yield found
                    found = {}
                found |= _published(rows)
        if found:
            yield found

    async def published_of(self, subject_ids: Collection[str]) -> dict[Place, Shard]:
        if not self._parts:
            return {}
        return _published(await self._session.execute(PUBLISHED, [*map(int, subject_ids)]))

    async def republish(self, shards: Mapping[Place, Shard]) -> None:
        for place, shard in shards.items():
            values = (*key_of(place), *columns_of(shard), dated_at(shard) + 1)
            await self._session.execute(PUBLISH, *values)


class Tally:
    """The rows of a shard as they come, in as much memory whatever their number.

    A list is what its members say where both come to one sum of digests.
    """

    def __init__(self, place: Place, *, lists: bool) -> None:
        self.place = place
        self._lists = lists
        self._first: Row = None
        self._last: Row = None
        self._counted = self._ever = self._listed = 0
        self._headed = False
        self._difference = 0  # of the sums

    def add(self, row: Row) -> None:
        """The next row."""
        self._first, self._last = self._first or row, row
        if row.place is None:  # statics alone
            return
        if row.place > MEMBERS:
            self._listed += 1
            self._difference += _digest(row.place, row.member_id)
        elif row.member_id == HEADER:
            self._headed = True
        elif row.placed is not None:
            self._ever += 1
            self._counted += bool(row.placed)
            if row.placed and self._lists:
                self._difference -= _digest(row.placed, row.member_id)

    def recount(self) -> Recount:
        """What they came to."""
        if self._last is None:
            return nothing_at(self.place)
        says = shard_in(self._last)
        return Recount(
            place=self.place,
            says=says,
            counted=self._counted,
            ever=self._ever,
            listed=self._listed,
            listed_right=self._difference == 0,
            headed=self._headed,
            dated=max(_dates(self._last) - {says.version}, default=says.version),
            settled=shard_in(self._first).version == says.version,
        )


def _dates(row: Row) -> set[int]:
    """The versions that a row's statics were written as of, or repaired; -1: none was."""
    return {(at or -1) // 2 for at in (row.count_at, row.size_at, row.version_at)}


def _digest(place: int, member_id: int) -> int:
    return int.from_bytes(blake2b(pack("<qq", place, member_id), digest_size=16).digest())


def _published(rows: Iterable[Row]) -> dict[Place, Shard]:
    return {Place(str(row.subject_id), row.shard): shard_in(row) for row in rows}
