"""Posts and timelines on Cassandra.

Each event writes columns of its own, at a timestamp of its own: redelivery, delay and disorder
leave the same rows.
"""

import msgspec

from instastream.events import MediaFailed, MediaReady, UploadFinalized, Variant
from instastream.ids import PostId, UserId, minted_ms, month_before, month_of
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.posts import Failure, Post

RECORD_FINALIZED = """INSERT INTO posts (post_id, author_id, caption, alt_text)
    VALUES (?, ?, ?, ?) USING TIMESTAMP ?"""
RECORD_READY = "UPDATE posts USING TIMESTAMP ? SET variants = ? WHERE post_id = ?"
RECORD_FAILED = "UPDATE posts USING TIMESTAMP ? SET failure = ? WHERE post_id = ?"
GET = """SELECT post_id, author_id, caption, alt_text, variants, failure
    FROM posts WHERE post_id = ?"""
LIST = """INSERT INTO posts_by_author (author_id, month, post_id)
    VALUES (?, ?, ?) USING TIMESTAMP ?"""
TIMELINE = """SELECT post_id FROM posts_by_author
    WHERE author_id = ? AND month = ? AND post_id < ? LIMIT ?"""


class CassandraPosts:
    """Posts in `posts`, timelines in `posts_by_author` by month."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record_finalized(self, event: UploadFinalized) -> None:
        await self._list(event)
        await self._session.execute(
            RECORD_FINALIZED,
            int(event.post_id),
            int(event.author_id),
            event.caption,
            event.alt_text,
            event.at_ms,
        )

    async def record_ready(self, event: MediaReady) -> None:
        await self._list(event)
        variants = msgspec.json.encode(event.variants).decode()
        await self._session.execute(RECORD_READY, event.at_ms, variants, int(event.post_id))

    async def record_failed(self, event: MediaFailed) -> None:
        failure = msgspec.json.encode(Failure(event.reason, event.detail)).decode()
        await self._session.execute(RECORD_FAILED, event.at_ms, failure, int(event.post_id))

    async def get(self, post_ids: list[PostId]) -> dict[PostId, Post]:
        rows = await self._session.execute_all(GET, ((int(i),) for i in post_ids))
        posts = [_post(row) for row in rows if row.author_id is not None]
        return {post.post_id: post for post in posts}

    async def timeline(self, author_id: UserId, *, before: PostId, limit: int) -> list[PostId]:
        month = month_of(before)
        ids: list[PostId] = []
        while len(ids) < limit and month >= month_of(author_id):
            rows = await self._session.execute(
                TIMELINE, int(author_id), month, int(before), limit - len(ids)
            )
            ids += [PostId(str(row.post_id)) for row in rows]
            month = month_before(month)
        return ids

    async def _list(self, event: UploadFinalized | MediaReady) -> None:
        """In the timeline before it is a post: who reads the timeline finds every post."""
        await self._session.execute(
            LIST,
            int(event.author_id),
            month_of(event.post_id),
            int(event.post_id),
            minted_ms(event.post_id),
        )


def _post(row: Row) -> Post:
    return Post(
        post_id=PostId(str(row.post_id)),
        author_id=UserId(str(row.author_id)),
        caption=row.caption,
        alt_text=row.alt_text,
        variants=msgspec.json.decode(row.variants or "[]", type=list[Variant]),
        failure=msgspec.json.decode(row.failure or "null", type=Failure | None),
    )
