"""What the tables of projections hold, row by row, and nothing of how it came there.

Left out is what no reader sees and no replay can bring back: dates of cells, edges and walls that
ended, which live on for a while as a fence against late repetitions, requests that are answered,
how often a bucket of followers changed, and the followers of a bucket in one piece, made of its
rows by whoever reads them. Docs: docs/decisions/0033.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from instastream.stores.audits import Arc
from instastream.stores.cassandra.graph import EDGE
from instastream.stores.cassandra.session import Row, Session

ROWS_AT_ONCE = 1_000

Content: TypeAlias = tuple[object, ...]  # of a row, as JSON can tell it


class Table(Struct, frozen=True, kw_only=True):
    """How a projection's table is read."""

    by: str  # its partition key
    columns: str
    content: Callable[[Row], Content | None] = tuple  # None: nothing that counts


def _edge(row: Row) -> Content | None:
    return None if row.state == "none" else tuple(row)


def _follower(row: Row) -> Content | None:
    return tuple(row) if row.follows else None


def _wall(row: Row) -> Content | None:
    walls = bool(row.blocks), bool(row.blocked), bool(row.mutes)
    return (row.user_id, row.other_id, *walls) if any(walls) else None


def _of_shard(row: Row) -> Content | None:
    """A member, the header, or a page of the list."""
    *columns, places = row
    return (*columns, sorted(places.items()) if places else None)


SHARD = "subject_id, shard, count, size, version, at_ms, page, member_id, listed_on"
TABLES: Mapping[str, Table] = {
    "users": Table(by="user_id", columns="user_id, username, joined_ms, private"),
    "posts": Table(
        by="post_id",
        columns="""post_id, author_id, caption, media_count, fanout, like_shards, deleted,
            position, media_id, content_type, alt_text, rendered, failure""",
    ),
    "posts_by_author": Table(by="author_id, month", columns="author_id, month, post_id"),
    "celebrities": Table(by="part", columns="part, author_id"),
    "following": Table(by="follower_id", columns="follower_id, followee_id, state", content=_edge),
    "followers": Table(
        by="followee_id, bucket",
        columns="followee_id, bucket, count, follower_id, follows, version",
        content=_follower,
    ),
    "requests": Table(by="followee_id", columns="followee_id, follower_id"),
    "walls": Table(
        by="user_id", columns="user_id, other_id, blocks, blocked, mutes", content=_wall
    ),
    "likes": Table(by="subject_id, shard", columns=f"{SHARD}, places", content=_of_shard),
    "post_counts": Table(by="post_id", columns="post_id, shard, count, size, version, at_ms"),
    "comment_ids": Table(by="subject_id, shard", columns=SHARD),
    "comments": Table(
        by="thread_id, bucket",
        columns="""thread_id, bucket, comment_id, post_id, author_id, text, mentions, edited_ms,
            deleted""",
    ),
    "comment_buckets": Table(by="thread_id", columns="thread_id, bucket"),
    "comment_places": Table(by="comment_id", columns="comment_id, thread_id, bucket"),
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
        async for page in self._session.pages(cql, *arc, rows=ROWS_AT_ONCE):
            rows = await self._waiting(page) if table == "requests" else page
            contents = map(of.content, rows)
            yield [content for content in contents if content is not None]

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
