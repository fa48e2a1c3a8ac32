"""Sharded counters on Cassandra, recounted page by page, and repaired.

Every row of a partition comes with its statics: where the first and the last one say the same
version, all rows between are as of it. A repair is dated just below the next event: what a later
event writes, before it or after, stays.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from struct import pack
from typing import TypeVar

from cassandra.metadata import Murmur3Token

from instastream.counting import Member, Shard, some_place
from instastream.stores.audits import NO_MEMBERS, RECOUNTS_MAX, Arc, Recount, nothing_at
from instastream.stores.cassandra.counter_rows import (
    HEADER,
    MEMBERS,
    SHARD_COLUMNS,
    Key,
    Rows,
    Statement,
    by_page,
    columns_of,
    dated_at,
    key_of,
    shard_in,
)
from instastream.stores.cassandra.counters import PUBLISH, PUBLISHED
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.counters import Place

T = TypeVar("T")

# Rows in one answer: most hold one member, and a page of a hot post's list all that came in a
# second, some hundreds.
SCANNED = 500
AT_ONCE = 2_000  # of a shard: a smaller one is read as of one moment
BATCH_LENGTH = 500  # members that are compared, and written, together
LISTS_LENGTH = 20  # pages of a list

COLUMNS = f"""subject_id, shard, page, member_id, listed_on, {SHARD_COLUMNS}, WRITETIME(count)
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
        columns = f"{COLUMNS}, places" if lists else COLUMNS
        self._arc = f"""SELECT {columns} FROM {table}
            WHERE token(subject_id, shard) > ? AND token(subject_id, shard) <= ?"""
        self._shard = f"SELECT {columns} FROM {table} {where}"
        self._said = f"""SELECT shard, member_id, {SHARD_COLUMNS} FROM {table} WHERE subject_id = ?
            AND shard IN ? AND page = {MEMBERS} AND member_id = {HEADER}"""
        self._list = f"SELECT page, places FROM {table} {where} AND page > {MEMBERS}"
        self._members = f"""SELECT member_id, listed_on, {SHARD_COLUMNS} FROM {table} {where}
            AND page = {MEMBERS}"""
        self._some = f"""SELECT member_id, listed_on FROM {table} {where}
            AND page = {MEMBERS} AND member_id IN ?"""
        self._pages = f"SELECT page, places FROM {table} {where} AND page IN ?"
        self._rows = Rows(table)

    async def recounts(self, arc: Arc) -> AsyncIterator[Recount]:
        tally: Tally | None = None
        async for page in self._session.pages(self._arc, *arc, rows=SCANNED):
            for row in page:
                place = Place(str(row.subject_id), row.shard)
                if tally is None or tally.place != place:
                    if tally:
                        yield await self._settled(tally.recount())
                    tally = Tally(place, lists=self._lists)
                tally.add(row)
        if tally:
            yield await self._settled(tally.recount())

    def token(self, place: Place) -> int:
        subject_id, shard = key_of(place)
        return Murmur3Token.from_key(pack(">HqxHix", 8, subject_id, 4, shard)).value

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
                    str(row.member_id): row.listed_on
                    for row in page
                    if row.member_id != HEADER and row.listed_on is not None
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
        at, key = dated_at(shard) + 1, key_of(place)
        for some in _parts(list(members.items()), BATCH_LENGTH):
            await self._write(self._members_as(some, key, at))
        if self._lists:
            async for rows in self._session.pages(self._list, *key, rows=LISTS_LENGTH):
                await self._write(await self._strays(rows, key, at))
            async for rows in self._session.pages(self._members, *key, rows=BATCH_LENGTH):
                await self._write(await self._unlisted(rows, key, at))
        await self._write([self._rows.shard(key, shard, at=at)])

    async def _write(self, statements: Iterable[Statement]) -> None:
        if some := list(statements):
            await self._session.execute_together(some)

    def _members_as(
        self, members: Sequence[tuple[Member, int | None]], key: Key, at: int
    ) -> Iterator[Statement]:
        known = by_page((page, one) for one, page in members if page is not None)
        for page, some in known.items():
            yield self._rows.members(key, page, some, at=at)
        if never := [int(one) for one, page in members if page is None]:
            yield self._rows.never(key, never, at=at)

    async def _strays(self, rows: Sequence[Row], key: Key, at: int) -> list[Statement]:
        """Of what is listed, that which is not on the page that its member says."""
        ids = sorted({member for row in rows for member in row.places})
        found = await self._session.execute(self._some, *key, ids)
        says = {row.member_id: row.listed_on for row in found}
        strays = {row.page: [i for i in row.places if says.get(i) != row.page] for row in rows}
        return [self._rows.gone(key, page, some, at=at) for page, some in strays.items() if some]

    async def _unlisted(self, rows: Sequence[Row], key: Key, at: int) -> list[Statement]:
        """Members that count and are not listed: they come to some place on their page."""
        counted = by_page((row.listed_on, row.member_id) for row in rows if row.listed_on)
        listed: dict[int, Mapping[int, int]] = {}
        for some in _parts(list(counted), LISTS_LENGTH):
            found = await self._session.execute(self._pages, *key, some)
            listed |= {row.page: row.places for row in found}
        missing = {
            page: {one: some_place(page, one) for one in some if one not in listed.get(page, ())}
            for page, some in counted.items()
        }
        return [self._rows.listed(key, page, some, at=at) for page, some in missing.items() if some]

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
        if row.page is None:  # statics alone
            return
        if row.page > MEMBERS:
            for member_id in row.places if self._lists else ():
                self._listed += 1
                self._difference += _digest(row.page, member_id)
        elif row.member_id == HEADER:
            self._headed = True
        elif row.listed_on is not None:
            self._ever += 1
            self._counted += bool(row.listed_on)
            if row.listed_on and self._lists:
                self._difference -= _digest(row.listed_on, row.member_id)

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


def _parts(whole: Sequence[T], length: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(whole), length):
        yield whole[at : at + length]


def _dates(row: Row) -> set[int]:
    """The versions that a row's statics were written as of, or repaired; -1: none was."""
    return {(at or -1) // 2 for at in (row.count_at, row.size_at, row.version_at)}


def _digest(page: int, member_id: int) -> int:
    return int.from_bytes(blake2b(pack("<qq", page, member_id), digest_size=16).digest())


def _published(rows: Iterable[Row]) -> dict[Place, Shard]:
    return {Place(str(row.subject_id), row.shard): shard_in(row) for row in rows}
