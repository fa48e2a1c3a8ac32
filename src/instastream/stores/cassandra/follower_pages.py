"""The followers of a bucket in one piece: eight bytes each, ascending, as of one revision.

Rows cost a hundred times as much to read. A piece of another revision than its bucket has is
stale: it is made anew by whoever reads it.
"""

import asyncio
import struct
from collections.abc import Sequence

from instastream.stores.cassandra.session import Row, Session

BUCKETS = """SELECT bucket, revision, count FROM followers
    WHERE followee_id = ? AND bucket IN ? PER PARTITION LIMIT 1"""
ROWS = """SELECT follower_id, follows, revision FROM followers
    WHERE followee_id = ? AND bucket = ?"""
PAGES = "SELECT bucket, revision, ids FROM follower_pages WHERE followee_id = ? AND bucket IN ?"
KEEP = """INSERT INTO follower_pages (followee_id, bucket, revision, ids) VALUES (?, ?, ?, ?)
    USING TIMESTAMP ?"""
PACKED_MAX = 50_000  # followers in one piece, of 400 kB: authors up to 400,000 are pushed this way


class FollowerPages:
    """Pieces in `follower_pages`, of what `followers` says."""

    def __init__(self, session: Session, *, packed_max: int = PACKED_MAX) -> None:
        self._session = session
        self._packed_max = packed_max

    async def read(self, followee: int, buckets: Sequence[int]) -> list[int] | None:
        """All followers in some buckets, None where they are too many for that."""
        async with self._session.one_generation():
            return await self._read(followee, buckets)

    async def _read(self, followee: int, buckets: Sequence[int]) -> list[int] | None:
        heads, pages = await asyncio.gather(
            self._session.execute(BUCKETS, followee, list(buckets)),
            self._session.execute(PAGES, followee, list(buckets)),
        )
        if any((head.count or 0) > self._packed_max for head in heads):
            return None
        packed = {page.bucket: page for page in pages}
        found: list[int] = []
        for head in heads:
            page = packed.get(head.bucket)
            if page and page.revision == _revision(head):
                found += _unpacked(page.ids)
            else:
                found += await self._from_rows(followee, head.bucket)
        return found

    async def _from_rows(self, followee: int, bucket: int) -> list[int]:
        """Kept in one piece, unless they changed while they were read."""
        rows = await self._session.execute(ROWS, followee, bucket)
        ids = [row.follower_id for row in rows if row.follows]
        revisions = set(map(_revision, rows))
        if len(revisions) == 1:
            [revision] = revisions
            await self._session.execute(KEEP, followee, bucket, revision, _packed(ids), revision)
        return ids


def _revision(row: Row) -> int:
    """0 before the first change."""
    return row.revision or 0


def _packed(ids: Sequence[int]) -> bytes:
    return struct.pack(f">{len(ids)}q", *ids)


def _unpacked(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(packed) // 8}q", packed)
