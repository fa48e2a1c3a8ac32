"""Sharded counters on Cassandra: a shard's members, count and version in one partition.

Three things keep them exact, whoever writes late or twice: docs/decisions/0026. A shard is read
in one SELECT, with the header that makes its statics come back even without members. Every member
that a batch speaks of is written, also one that is as it was. And all that is written of a shard
is one mutation, at a timestamp that follows from the version: a late one changes nothing.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from itertools import groupby
from operator import attrgetter

from instastream.counting import Folded, Mark, Member, Shard, first_on, fold, page_of
from instastream.stores.cassandra.counter_rows import (
    HEADER,
    MEMBERS,
    SHARD_COLUMNS,
    Rows,
    Statement,
    by_page,
    columns_of,
    dated_at,
    key_of,
    shard_in,
)
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.counters import Listed, Place, Total, total_of

NEWEST_SHARDS = 3  # times what each shard has of a page on average: few pages need more

POSTS_TOGETHER = 32  # in one read: 8,192 rows of what is published of their shards
READS_AT_ONCE = 4  # of those: a batch of likes of thousands of posts must not hold up all else
PLACES_TOGETHER = 10  # partitions in one batch
MARKS_TOGETHER = 24  # about four kilobytes


class CassandraCounters:
    """Counters of one kind, in a table such as `likes`; `post_counts` for what has many shards."""

    def __init__(
        self, session: Session, table: str, *, for_good: bool = False, lists: bool = True
    ) -> None:
        self._session = session
        self._for_good = for_good
        self._lists = lists
        self._read = f"""SELECT subject_id, member_id, listed_on, {SHARD_COLUMNS} FROM {table}
            WHERE subject_id IN ? AND shard = ? AND page = {MEMBERS} AND member_id IN ?"""
        self._rows = Rows(table)
        self._totals = f"""SELECT subject_id, member_id, {SHARD_COLUMNS} FROM {table}
            WHERE subject_id IN ? AND shard = 0 AND page = {MEMBERS} AND member_id = {HEADER}"""
        self._standing = f"""SELECT subject_id, listed_on FROM {table}
            WHERE subject_id IN ? AND shard = ? AND page = {MEMBERS} AND member_id = ?"""
        self._newest = f"""SELECT shard, page, places FROM {table}
            WHERE subject_id = ? AND shard IN ? AND page > {MEMBERS} AND page <= ?
            PER PARTITION LIMIT ?"""

    async def apply(self, marks: Mapping[Place, Sequence[Mark]]) -> dict[Place, Shard]:
        await self._session.count_in_one_generation()
        some = await asyncio.gather(*map(self._apply, _together(marks)))
        return {place: shard for shards in some for place, shard in shards.items()}

    async def _apply(self, marks: Mapping[Place, Sequence[Mark]]) -> dict[Place, Shard]:
        """Of shards with one number: they are read in one statement, and written in one."""
        shards: dict[Place, Shard] = {}
        statements: list[Statement] = []
        members_of = {int(mark.member) for said in marks.values() for mark in said}
        for place, (shard, members) in (await self._snapshots(list(marks), members_of)).items():
            folded = fold(shard, members, marks[place], for_good=self._for_good)
            shards[place] = folded.shard if folded else shard
            statements += self.statements(place, folded) if folded else ()
        if statements:
            await self._session.execute_together(statements)
        return shards

    async def _snapshots(
        self, places: Sequence[Place], members: Collection[int]
    ) -> dict[Place, tuple[Shard, dict[Member, int]]]:
        """Each shard, all of one number, and where these members are in it, as of one moment."""
        number = places[0].shard
        subjects = [int(place.subject_id) for place in places]
        rows = await self._session.execute(
            self._read, subjects, number, [HEADER, *sorted(members)], at_once=True
        )
        found: dict[Place, tuple[Shard, dict[Member, int]]]
        found = {place: (Shard(), {}) for place in places}
        for subject_id, some in groupby(rows, key=attrgetter("subject_id")):
            of_shard = list(some)
            found[Place(str(subject_id), number)] = (
                shard_in(of_shard[0]),
                {str(row.member_id): row.listed_on for row in of_shard if row.member_id != HEADER},
            )
        return found

    def statements(self, place: Place, folded: Folded) -> Iterable[Statement]:
        """What writes a shard after a batch: as one, they are one mutation."""
        rows, key, at = self._rows, key_of(place), dated_at(folded.shard)
        yield rows.shard(key, folded.shard, at=at)
        for page, members in by_page((page, one) for one, page in folded.members.items()).items():
            yield rows.members(key, page, members, at=at)
        if not self._lists:
            return
        listed: dict[int, dict[int, int]] = {}
        for member, placed in folded.placed.items():
            listed.setdefault(page_of(placed), {})[int(member)] = placed
        for page, places in listed.items():
            yield rows.listed(key, page, places, at=at)
        for page, members in by_page(folded.gone).items():
            yield rows.gone(key, page, members, at=at)

    async def publish(self, shards: Mapping[Place, Shard]) -> None:
        by_subject = groupby(sorted(shards), key=attrgetter("subject_id"))
        batches = [
            [_published(place, shards[place]) for place in places] for _, places in by_subject
        ]
        await asyncio.gather(*map(self._session.execute_together, batches))

    async def totals(self, subjects: Mapping[str, int]) -> dict[str, Total]:
        """In one page: between two of them a subject's shards would be of two moments."""
        whole = [int(subject_id) for subject_id, shards in subjects.items() if shards == 1]
        parted = [int(subject_id) for subject_id, shards in subjects.items() if shards > 1]
        reads = [(self._totals, whole)] if whole else []
        for at in range(0, len(parted), POSTS_TOGETHER):
            reads.append((PUBLISHED, parted[at : at + POSTS_TOGETHER]))
        found: dict[str, Total] = {}
        for at in range(0, len(reads), READS_AT_ONCE):
            some = reads[at : at + READS_AT_ONCE]
            for totals in await asyncio.gather(*(self._totals_of(*read) for read in some)):
                found |= totals
        return found

    async def _totals_of(self, cql: str, subjects: Sequence[int]) -> dict[str, Total]:
        shards: dict[str, list[Shard]] = {str(subject_id): [] for subject_id in subjects}
        for row in await self._session.execute(cql, subjects, at_once=True):
            shards[str(row.subject_id)].append(shard_in(row))
        return {subject_id: total_of(subject_id, some) for subject_id, some in shards.items()}

    async def published(self, subject_id: str) -> dict[int, Shard]:
        rows = await self._session.execute(PUBLISHED_OF, int(subject_id))
        return {row.shard: shard_in(row) for row in rows}

    async def standing(self, places: Collection[Place], member: Member) -> dict[Place, int | None]:
        found: dict[Place, int | None] = dict.fromkeys(places)
        for shard in {place.shard for place in places}:
            subjects = [int(place.subject_id) for place in places if place.shard == shard]
            rows = await self._session.execute(self._standing, subjects, shard, int(member))
            found |= {Place(str(row.subject_id), shard): row.listed_on for row in rows}
        return found

    async def shard(self, place: Place, member: Member) -> tuple[Shard, int | None]:
        shard, members = (await self._snapshots([place], [int(member)]))[place]
        return shard, members.get(member)

    async def newest(
        self, subject_id: str, shards: int, *, before: int, limit: int
    ) -> list[Listed]:
        """Each shard's newest pages are read to the same depth, and deeper while that is too few.

        No page is without members, but of the first one all may be at `before` or above.
        """
        depth = min(limit, NEWEST_SHARDS * limit // shards) + 1
        while True:
            rows = await self._session.execute(
                self._newest, int(subject_id), list(range(shards)), page_of(before), depth
            )
            known_from = max(_ends(rows, depth), default=0) if depth <= limit else 0
            known = (
                (place, member)
                for row in rows
                if row.page >= page_of(known_from)
                for member, place in row.places.items()
                if place < before
            )
            newest = nlargest(limit, known)
            if len(newest) == limit or not known_from:
                return [Listed(place, str(member)) for place, member in newest]
            depth = min(limit + 1, 4 * depth)


def _together(marks: Mapping[Place, Sequence[Mark]]) -> Iterator[dict[Place, Sequence[Mark]]]:
    """In one statement as many shards as Cassandra does not warn of; alone those with much."""
    some: dict[Place, Sequence[Mark]] = {}
    length = 0
    for place in sorted(marks, key=attrgetter("shard")):
        said = marks[place]
        is_full = len(some) == PLACES_TOGETHER or length + len(said) > MARKS_TOGETHER
        if some and (is_full or next(iter(some)).shard != place.shard):
            yield some
            some, length = {}, 0
        some[place] = said
        length += len(said)
    if some:
        yield some


PUBLISH = f"""INSERT INTO post_counts (post_id, shard, {SHARD_COLUMNS})
    VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"""
PUBLISHED_OF = f"SELECT shard, {SHARD_COLUMNS} FROM post_counts WHERE post_id = ?"
PUBLISHED = f"""SELECT post_id AS subject_id, shard, {SHARD_COLUMNS} FROM post_counts
    WHERE post_id IN ?"""


def _published(place: Place, shard: Shard) -> Statement:
    return PUBLISH, (*key_of(place), *columns_of(shard), dated_at(shard))


def _ends(rows: Iterable[Row], depth: int) -> Iterable[int]:
    """Of each shard that may have more, the place down to which it was read."""
    for _, some in groupby(rows, key=attrgetter("shard")):
        pages = [row.page for row in some]
        if len(pages) == depth:
            yield first_on(pages[-1])
