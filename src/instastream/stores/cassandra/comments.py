"""Comments on Cassandra: a thread in buckets, which are listed, and where each comment stands.

Added words are older than every edit, which its version dates, and no words are newer than none:
redelivery, delay and disorder leave the same rows.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator

import msgspec

from instastream.comments import CommentAdded, CommentDeleted, CommentEdited, CommentEvent, Mention
from instastream.ids import CommentId, PostId, UserId
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.comments import Comment, Order

FIRST = 1  # the timestamp of what a comment begins with; an edit's is its version above it
DELETED = 1 << 62  # above every edit
BUCKETS_MAX = (1 << 31) - 1
IDS_MAX = (1 << 63) - 1

PLACE = """INSERT INTO comment_places (comment_id, thread_id, bucket)
    VALUES (?, ?, ?) USING TIMESTAMP ?"""
LIST = "INSERT INTO comment_buckets (thread_id, bucket) VALUES (?, ?) USING TIMESTAMP ?"
ADD = """INSERT INTO comments (thread_id, bucket, comment_id, post_id, author_id, text, mentions)
    VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"""
EDIT = """UPDATE comments USING TIMESTAMP ? SET text = ?, mentions = ?, edited_ms = ?
    WHERE thread_id = ? AND bucket = ? AND comment_id = ?"""
DELETE = f"""UPDATE comments USING TIMESTAMP {DELETED}
    SET text = '', mentions = '[]', deleted = true
    WHERE thread_id = ? AND bucket = ? AND comment_id = ?"""

# What was edited or deleted, and not added yet, has no author.
ADDED = "author_id > 0"
COLUMNS = "thread_id, bucket, comment_id, post_id, author_id, text, mentions, edited_ms, deleted"
PLACED = "SELECT thread_id, bucket, comment_id FROM comment_places WHERE comment_id = ?"
GET = f"SELECT {COLUMNS} FROM comments WHERE thread_id = ? AND bucket = ? AND comment_id = ?"
BUCKETS: dict[Order, str] = {
    "newest": """SELECT bucket FROM comment_buckets WHERE thread_id = ? AND bucket <= ?
        ORDER BY bucket DESC LIMIT ?""",
    "oldest": """SELECT bucket FROM comment_buckets WHERE thread_id = ? AND bucket >= ?
        ORDER BY bucket ASC LIMIT ?""",
}
THREAD: dict[Order, str] = {
    "newest": f"""SELECT {COLUMNS} FROM comments
        WHERE thread_id = ? AND bucket = ? AND comment_id < ? AND {ADDED}
        ORDER BY comment_id DESC LIMIT ? ALLOW FILTERING""",
    "oldest": f"""SELECT {COLUMNS} FROM comments
        WHERE thread_id = ? AND bucket = ? AND comment_id > ? AND {ADDED}
        ORDER BY comment_id ASC LIMIT ? ALLOW FILTERING""",
}
BEGIN: dict[Order, tuple[int, int]] = {"newest": (BUCKETS_MAX, IDS_MAX), "oldest": (0, 0)}
STEP: dict[Order, int] = {"newest": -1, "oldest": 1}


class CassandraComments:
    """Comments in `comments`, `comment_buckets` and `comment_places`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record_added(self, event: CommentAdded) -> None:
        """Listed before it stands there: who finds it can go on from it."""
        thread_id, bucket, comment_id = key = _key(event)
        await asyncio.gather(
            self._session.execute(PLACE, comment_id, thread_id, bucket, FIRST),
            self._session.execute(LIST, thread_id, bucket, FIRST),
        )
        said = int(event.author_id), event.text, _encoded(event.mentions)
        await self._session.execute(ADD, *key, int(event.post_id), *said, FIRST)

    async def record_edited(self, event: CommentEdited, *, version: int) -> None:
        said = event.text, _encoded(event.mentions), event.at_ms
        await self._session.execute(EDIT, FIRST + version, *said, *_key(event))

    async def record_deleted(self, event: CommentDeleted) -> None:
        await self._session.execute(DELETE, *_key(event))

    async def get(self, comment_ids: Collection[CommentId]) -> dict[CommentId, Comment]:
        places = await self._session.execute_all(PLACED, ((int(i),) for i in comment_ids))
        rows = await self._session.execute_all(GET, places)
        return {comment.comment_id: comment for comment in _comments(rows)}

    async def thread(
        self, thread_id: str, *, order: Order, after: CommentId | None, limit: int
    ) -> list[Comment]:
        thread, (bucket, bound) = int(thread_id), BEGIN[order]
        if after is not None:
            places = await self._session.execute(PLACED, int(after))
            if not places or places[0].thread_id != thread:
                return []
            bucket, bound = places[0].bucket, int(after)
        return await self._walk(thread, order, bucket, bound, limit)

    async def _walk(
        self, thread: int, order: Order, bucket: int, bound: int, limit: int
    ) -> list[Comment]:
        """The bucket of the bound at first, then ever more at once: some may have few comments."""
        page: list[Comment] = []
        width = 1
        while True:
            rows = await self._session.execute(BUCKETS[order], thread, bucket, width)
            buckets = [row.bucket for row in rows]
            places = ((thread, one, bound, limit) for one in buckets)
            page += _comments(await self._session.execute_all(THREAD[order], places))
            if len(page) >= limit or len(buckets) < width:
                return page[:limit]
            bucket, bound = buckets[-1] + STEP[order], BEGIN[order][1]
            width *= 2


def _key(event: CommentEvent) -> tuple[int, int, int]:
    return int(event.thread_id), event.bucket, int(event.comment_id)


def _encoded(mentions: list[Mention]) -> str:
    return msgspec.json.encode(mentions).decode()


def _comments(rows: Iterable[Row]) -> Iterator[Comment]:
    for row in rows:
        if row.author_id is not None:
            yield _comment(row)


def _comment(row: Row) -> Comment:
    return Comment(
        comment_id=CommentId(str(row.comment_id)),
        post_id=PostId(str(row.post_id)),
        reply_to=CommentId(str(row.thread_id)) if row.thread_id != row.post_id else None,
        bucket=row.bucket,
        author_id=UserId(str(row.author_id)),
        text=row.text,
        mentions=msgspec.json.decode(row.mentions, type=list[Mention]),
        edited_ms=row.edited_ms,
        deleted=bool(row.deleted),
    )
