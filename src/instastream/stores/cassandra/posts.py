"""Posts and timelines on Cassandra.

Each event writes columns of its own, at a timestamp of its own: redelivery, delay and disorder
leave the same rows. A post's first words are older than every edit, which its version dates.
"""

from itertools import groupby
from operator import attrgetter
from uuid import UUID

import msgspec

from instastream.events import (
    MediaFailed,
    MediaReady,
    PostDeleted,
    PostEdited,
    UploadFinalized,
)
from instastream.ids import OLDEST, MediaId, PostId, UserId, minted_ms, month_before, month_of
from instastream.media import Outcome
from instastream.stores.cassandra.session import Row, Session
from instastream.stores.posts import Failure, Media, Post

FIRST = 1  # the timestamp of what a post begins with; an edit's is its version above it
CELEBRITIES = 0  # their one partition: tens of thousands of ids at most

RECORD_FINALIZED = """INSERT INTO posts (post_id, author_id, caption, media_count,
    fanout, like_shards, position, media_id, content_type, alt_text)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"""
RECORD_READY = """UPDATE posts USING TIMESTAMP ? SET rendered = ?
    WHERE post_id = ? AND position = ?"""
RECORD_FAILED = """UPDATE posts USING TIMESTAMP ? SET failure = ?
    WHERE post_id = ? AND position = ?"""
EDIT_CAPTION = "UPDATE posts USING TIMESTAMP ? SET caption = ? WHERE post_id = ?"
EDIT_ALT_TEXT = """UPDATE posts USING TIMESTAMP ? SET alt_text = ?
    WHERE post_id = ? AND position = ?"""
RECORD_DELETED = "UPDATE posts USING TIMESTAMP ? SET deleted = true WHERE post_id = ?"
GET = """SELECT post_id, author_id, caption, media_count, fanout, like_shards, deleted,
    position, media_id, content_type, alt_text, rendered, failure FROM posts WHERE post_id = ?"""
READY = "SELECT WRITETIME(rendered) AS ready, deleted FROM posts WHERE post_id = ?"
LIST = """INSERT INTO posts_by_author (author_id, month, post_id)
    VALUES (?, ?, ?) USING TIMESTAMP ?"""
UNLIST = """DELETE FROM posts_by_author USING TIMESTAMP ?
    WHERE author_id = ? AND month = ? AND post_id = ?"""
TIMELINE = """SELECT post_id FROM posts_by_author
    WHERE author_id = ? AND month = ? AND post_id < ? LIMIT ?"""

FIRST_IDS = "SELECT DISTINCT post_id FROM posts LIMIT ?"
IDS_AFTER = "SELECT DISTINCT post_id FROM posts WHERE token(post_id) > token(?) LIMIT ?"
RECORD_CELEBRITY = "INSERT INTO celebrities (part, author_id) VALUES (?, ?) USING TIMESTAMP 1"
LIST_CELEBRITIES = "SELECT author_id FROM celebrities WHERE part = ?"


class CassandraPosts:
    """Posts in `posts`, a row for each media; timelines in `posts_by_author` by month."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record_finalized(self, event: UploadFinalized) -> None:
        await self._list(event)
        await self._session.execute(
            RECORD_FINALIZED,
            int(event.post_id),
            int(event.author_id),
            event.caption,
            event.media_count,
            event.fanout,
            event.like_shards,
            event.position,
            UUID(event.media_id),
            event.content_type,
            event.alt_text,
            FIRST,
        )

    async def record_ready(self, event: MediaReady) -> None:
        await self._list(event)
        rendered = msgspec.json.encode(Outcome.of(event)).decode()
        await self._session.execute(
            RECORD_READY, event.at_ms, rendered, int(event.post_id), event.position
        )

    async def record_failed(self, event: MediaFailed) -> None:
        failure = msgspec.json.encode(Failure(event.reason, event.detail)).decode()
        await self._session.execute(
            RECORD_FAILED, event.at_ms, failure, int(event.post_id), event.position
        )

    async def record_edited(self, event: PostEdited, *, version: int) -> None:
        post_id, edited = int(event.post_id), FIRST + version
        for alt_text in event.alt_texts:
            await self._session.execute(
                EDIT_ALT_TEXT, edited, alt_text.text, post_id, alt_text.position
            )
        if event.caption is not None:
            await self._session.execute(EDIT_CAPTION, edited, event.caption, post_id)

    async def record_deleted(self, event: PostDeleted) -> None:
        post_id, author_id = int(event.post_id), int(event.author_id)
        await self._session.execute(RECORD_DELETED, event.at_ms, post_id)
        unlisted = minted_ms(event.post_id) + 1  # after every time it is listed
        await self._session.execute(UNLIST, unlisted, author_id, month_of(event.post_id), post_id)

    async def record_celebrity(self, author_id: UserId) -> None:
        await self._session.execute(RECORD_CELEBRITY, CELEBRITIES, int(author_id))

    async def celebrities(self) -> list[UserId]:
        rows = await self._session.execute(LIST_CELEBRITIES, CELEBRITIES)
        return [UserId(str(row.author_id)) for row in rows]

    async def get(self, post_ids: list[PostId]) -> dict[PostId, Post]:
        rows = await self._session.execute_all(GET, ((int(i),) for i in post_ids))
        by_post = groupby(rows, key=attrgetter("post_id"))
        posts = [_post(list(media)) for _, media in by_post]
        return {post.post_id: post for post in posts if post}

    async def all_ready(
        self, post_id: PostId, media_count: int, *, even_deleted: bool = False
    ) -> bool:
        rows = await self._session.execute(READY, int(post_id))
        if any(row.deleted for row in rows) and not even_deleted:
            return False
        return sum(row.ready is not None for row in rows) == media_count

    async def ids_after(self, place: str, *, limit: int) -> list[PostId]:
        asked = (IDS_AFTER, int(place), limit) if place else (FIRST_IDS, limit)
        return [PostId(str(row.post_id)) for row in await self._session.execute(*asked)]

    async def timeline(
        self, author_id: UserId, *, before: PostId, limit: int, above: PostId = OLDEST
    ) -> list[PostId]:
        month, first = month_of(before), max(month_of(author_id), month_of(above))
        ids: list[PostId] = []
        while len(ids) < limit and month >= first:
            rows = await self._session.execute(
                TIMELINE, int(author_id), month, int(before), limit - len(ids)
            )
            ids += [PostId(str(row.post_id)) for row in rows]
            month = month_before(month)
        return [post_id for post_id in ids if post_id > above]

    async def _list(self, event: UploadFinalized | MediaReady) -> None:
        """In the timeline before it is a post: who reads the timeline finds every post."""
        await self._session.execute(
            LIST,
            int(event.author_id),
            month_of(event.post_id),
            int(event.post_id),
            minted_ms(event.post_id),
        )


def _post(rows: list[Row]) -> Post | None:
    """The post of these rows; None until its first media is finalized."""
    finalized = [row for row in rows if row.media_id is not None]
    if not finalized:
        return None
    row = finalized[0]
    return Post(
        post_id=PostId(str(row.post_id)),
        author_id=UserId(str(row.author_id)),
        caption=row.caption,
        media=[_media(row) for row in finalized],
        media_count=row.media_count,
        fanout=row.fanout,
        like_shards=row.like_shards or 1,  # none: of before likes
        deleted=bool(row.deleted),
    )


def _media(row: Row) -> Media:
    return Media(
        position=row.position,
        media_id=MediaId(str(row.media_id)),
        content_type=row.content_type,
        alt_text=row.alt_text,
        rendered=msgspec.json.decode(row.rendered or "null", type=Outcome | None),
        failure=msgspec.json.decode(row.failure or "null", type=Failure | None),
    )
