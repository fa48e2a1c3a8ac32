"""What the tables of projections hold, row by row, and nothing of how it came there.

Left out is what no reader sees and no replay can bring back: dates of cells, edges and walls that
ended, which live on for a while as a fence against late repetitions, requests that are answered,
how often a bucket of followers changed, and the followers of a bucket in one piece, made of its
rows by whoever reads them.

Of what is counted there is told how far a count is from the members that are there, and that only
where it is wrong: a count changes with each of them, and how wrong it is stays, so that it can be
told while people go on. Docs: docs/decisions/0033.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from instastream.stores.audits import RECOUNTS_MAX, Arc
from instastream.stores.cassandra.counter_rows import HEADER, MEMBERS
from instastream.stores.cassandra.graph import EDGE
from instastream.stores.cassandra.session import Row, Session

ROWS_AT_ONCE = 1_000
RECOUNTED_AT_ONCE = 20_000  # of one partition, a megabyte: a smaller one is read as of one moment
OFF_BY = "off by"  # in the place of a member
RESTLESS = "changes all the time"

Content: TypeAlias = tuple[object, ...]  # of a row, as JSON can tell it


class Counted(Struct, frozen=True, kw_only=True):
    """How a table is counted whose partition key is of two columns."""

    statics: int  # columns that follow on those: some change whenever a row does
    stands: Callable[[Row], bool | None]  # whether a member counts; None: the row is no member's
    sized: bool = False  # whether all members are counted, too
    where: str = ""  # which rows of a partition are members'
    at: Content  # in a content, in the place of a member: how far the statics are from the rows


class Table(Struct, frozen=True, kw_only=True):
    """How a projection's table is read."""

    by: str  # its partition key
    columns: str
    key: int  # as many columns of a content tell it from all others
    content: Callable[[Row], Content | None] = tuple  # None: nothing that counts
    counted: Counted | None = None


class Tally:
    """A partition as it is read: what its statics say, and what members are there."""

    def __init__(self, row: Row) -> None:
        self.partition = row[:2]
        self.says = row
        self.count = self.size = 0
        self.is_settled = True  # unless it changes meanwhile

    def add(self, row: Row, counted: Counted) -> None:
        """One more row, and the statics as they are by now."""
        statics = slice(2, 2 + counted.statics)
        self.is_settled = self.is_settled and row[statics] == self.says[statics]
        if (stands := counted.stands(row)) is not None:
            self.count += stands
            self.size += 1

    def off(self, counted: Counted) -> Content | None:
        """How far the statics are from the rows; None where they are right."""
        off = [(self.says.count or 0) - self.count]
        if counted.sized:
            off.append((self.says.size or 0) - self.size)
        if not self.is_settled:
            return (*self.partition, *counted.at, RESTLESS)
        return (*self.partition, *counted.at, *off) if any(off) else None


def _tally(rows: Iterable[Row], tallies: list[Tally], counted: Counted) -> None:
    """The next rows, of the last partition and of others that follow."""
    for row in rows:
        if not tallies or tallies[-1].partition != row[:2]:
            tallies.append(Tally(row))
        tallies[-1].add(row, counted)


def _edge(row: Row) -> Content | None:
    return None if row.state == "none" else tuple(row)


def _follower(row: Row) -> Content | None:
    return (*row[:2], *row[4:]) if row.follows else None


def _follower_stands(row: Row) -> bool | None:
    return None if row.follower_id is None else bool(row.follows)


def _wall(row: Row) -> Content | None:
    walls = bool(row.blocks), bool(row.blocked), bool(row.mutes)
    return (row.user_id, row.other_id, *walls) if any(walls) else None


def _of_shard(row: Row) -> Content | None:
    """A member; or the header, with how far the shard is counted."""
    if (row.page, row.member_id) == (MEMBERS, HEADER):
        return (*row[:2], MEMBERS, HEADER, row.version, row.at_ms)
    return (*row[:2], *row[6:])


def _of_listing_shard(row: Row) -> Content | None:
    """Likewise, or a page of the list."""
    if not row.places:
        return _of_shard(row)
    return (*row[:2], *row[6:-1], sorted(row.places.items()))


def _member_stands(row: Row) -> bool | None:
    is_member = row.page == MEMBERS and row.member_id != HEADER and row.listed_on is not None
    return bool(row.listed_on) if is_member else None


SHARD = "subject_id, shard, count, size, version, at_ms, page, member_id, listed_on"
OF_SHARD = Counted(
    statics=4,
    stands=_member_stands,
    sized=True,
    where=f"AND page = {MEMBERS}",
    at=(MEMBERS, OFF_BY),
)
OF_BUCKET = Counted(statics=2, stands=_follower_stands, at=(OFF_BY,))
TABLES: Mapping[str, Table] = {
    "users": Table(by="user_id", columns="user_id, username, joined_ms, private", key=1),
    "posts": Table(
        by="post_id",
        columns="""post_id, position, author_id, caption, media_count, fanout, like_shards, deleted,
            media_id, content_type, alt_text, rendered, failure""",
        key=2,
    ),
    "posts_by_author": Table(by="author_id, month", columns="author_id, month, post_id", key=3),
    "celebrities": Table(by="part", columns="part, author_id", key=2),
    "following": Table(
        by="follower_id", columns="follower_id, followee_id, state", key=2, content=_edge
    ),
    "followers": Table(
        by="followee_id, bucket",
        columns="followee_id, bucket, count, revision, follower_id, follows, version",
        key=3,
        content=_follower,
        counted=OF_BUCKET,
    ),
    "requests": Table(by="followee_id", columns="followee_id, follower_id", key=2),
    "walls": Table(
        by="user_id", columns="user_id, other_id, blocks, blocked, mutes", key=2, content=_wall
    ),
    "likes": Table(
        by="subject_id, shard",
        columns=f"{SHARD}, places",
        key=4,
        content=_of_listing_shard,
        counted=OF_SHARD,
    ),
    "post_counts": Table(
        by="post_id", columns="post_id, shard, count, size, version, at_ms", key=2
    ),
    "comment_ids": Table(
        by="subject_id, shard", columns=SHARD, key=4, content=_of_shard, counted=OF_SHARD
    ),
    "comments": Table(
        by="thread_id, bucket",
        columns="""thread_id, bucket, comment_id, post_id, author_id, text, mentions, edited_ms,
            deleted""",
        key=3,
    ),
    "comment_buckets": Table(by="thread_id", columns="thread_id, bucket", key=2),
    "comment_places": Table(by="comment_id", columns="comment_id, thread_id, bucket", key=1),
}


class CassandraContents:
    """The contents of the tables in a session's keyspace."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def rows(self, table: str, arc: Arc) -> AsyncIterator[list[Content]]:
        """What a table holds in a part of its ring, some rows at a time."""
        of = TABLES[table]
        cql = f"""SELECT {of.columns} FROM {table}
            WHERE token({of.by}) > ? AND token({of.by}) <= ?"""
        tallies: list[Tally] = []
        async for page in self._session.pages(cql, *arc, rows=ROWS_AT_ONCE):
            rows = await self._waiting(page) if table == "requests" else page
            yield [content for row in rows if (content := of.content(row)) is not None]
            if of.counted:
                _tally(page, tallies, of.counted)
                yield await self._off(table, tallies[:-1], of.counted)
                del tallies[:-1]
        if of.counted:
            yield await self._off(table, tallies, of.counted)

    async def _off(self, table: str, tallies: Iterable[Tally], counted: Counted) -> list[Content]:
        """Of partitions that were read, how far those are off that are."""
        settled = [await self._settled(table, tally, counted) for tally in tallies]
        return [off for tally in settled if (off := tally.off(counted)) is not None]

    async def _settled(self, table: str, tally: Tally, counted: Counted) -> Tally:
        """As of one moment, unless it changes each time that it is read."""
        of = TABLES[table]
        partition = " AND ".join(f"{column} = ?" for column in of.by.split(", "))
        cql = f"SELECT {of.columns} FROM {table} WHERE {partition} {counted.where}"
        for _ in range(RECOUNTS_MAX):
            if tally.is_settled:
                break
            again: list[Tally] = []
            async for page in self._session.pages(cql, *tally.partition, rows=RECOUNTED_AT_ONCE):
                _tally(page, again, counted)
            [tally] = again or [tally]
        return tally

    async def _waiting(self, rows: Sequence[Row]) -> list[Row]:
        """Those requests that are not answered."""
        execute = self._session.execute
        found = await asyncio.gather(
            *(execute(EDGE, row.follower_id, row.followee_id) for row in rows)
        )
        pairs = zip(rows, found, strict=True)
        return [row for row, edges in pairs if edges and edges[0].state == "requested"]

    async def empty(self, tables: Iterable[str]) -> None:
        """Nothing is in these tables any more, and nothing dates what is written to them next."""
        for table in tables:
            await self._session.execute(f"TRUNCATE {table}")
