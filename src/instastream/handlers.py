"""What is done about each event: `async (record, deps) -> events to append`.

Each handler may run twice, late or out of order, and leaves the same world. The tables at the
end say which stream app runs which.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from instastream import media
from instastream.deps import Deps
from instastream.errors import Corrupt
from instastream.events import (
    Event,
    FanoutPage,
    MediaFailed,
    MediaReady,
    Record,
    UploadFinalized,
    UserFollowed,
    UserJoined,
    UserUnfollowed,
    Variant,
)
from instastream.ids import newest
from instastream.limits import FANOUT_PAGE_LENGTH, FOLLOW_BACKFILL
from instastream.stores.graph import FOLLOWER_BUCKETS
from instastream.uploads import original_key

Handler: TypeAlias = Callable[[Record[Any], Deps], Awaitable[list[Event]]]
Handlers: TypeAlias = Mapping[type[Event], Handler]


async def record_joined(record: Record[UserJoined], deps: Deps) -> list[Event]:
    """The user has a profile."""
    await deps.users.record_joined(record.event)
    return []


async def record_followed(record: Record[UserFollowed], deps: Deps) -> list[Event]:
    """The edge is in the graph."""
    event = record.event
    await deps.graph.record_followed(
        follower_id=event.follower_id, followee_id=event.followee_id, offset=record.offset
    )
    return []


async def record_unfollowed(record: Record[UserUnfollowed], deps: Deps) -> list[Event]:
    """The edge is out of the graph."""
    event = record.event
    await deps.graph.record_unfollowed(
        follower_id=event.follower_id, followee_id=event.followee_id, offset=record.offset
    )
    return []


async def backfill(record: Record[UserFollowed], deps: Deps) -> list[Event]:
    """The followee's latest posts are in the follower's list.

    The edge comes first: a post that is too new for the timeline read here is fanned out along it.
    """
    await record_followed(record, deps)
    event = record.event
    before = newest(deps.now_ms())
    latest = await deps.posts.timeline(event.followee_id, before=before, limit=FOLLOW_BACKFILL)
    await deps.feeds.insert(event.follower_id, latest)
    return []


async def record_finalized(record: Record[UploadFinalized], deps: Deps) -> list[Event]:
    """The post exists, and its author can read it."""
    await deps.posts.record_finalized(record.event)
    return []


async def record_ready(record: Record[MediaReady], deps: Deps) -> list[Event]:
    """The post is ready, and everyone can read it."""
    await deps.posts.record_ready(record.event)
    return []


async def record_failed(record: Record[MediaFailed], deps: Deps) -> list[Event]:
    """The post has failed, and its author can read why."""
    await deps.posts.record_failed(record.event)
    return []


async def render_media(record: Record[UploadFinalized], deps: Deps) -> list[Event]:
    """Every variant lies in the object store, or the media can never be rendered."""
    upload = record.event
    try:
        original = await deps.blobs.get(original_key(upload.author_id, upload.media_id))
        digest = media.digest_of(original, deps.settings.media_key)
        rendered = await deps.renderer.render(original)
    except Corrupt as error:
        return [
            MediaFailed(
                media_id=upload.media_id,
                post_id=upload.post_id,
                author_id=upload.author_id,
                reason=error.reason,
                detail=str(error),
                at_ms=deps.now_ms(),
            )
        ]
    variants = [await _put_variant(digest, one, deps) for one in rendered]
    return [
        MediaReady(
            media_id=upload.media_id,
            post_id=upload.post_id,
            author_id=upload.author_id,
            digest=digest,
            variants=variants,
            at_ms=deps.now_ms(),
        )
    ]


async def _put_variant(digest: str, rendered: media.Rendered, deps: Deps) -> Variant:
    key = media.object_key(digest, rendered.name)
    await deps.blobs.put(key, rendered.content, content_type="image/webp")
    return Variant(
        name=rendered.name,
        key=key,
        width=rendered.width,
        height=rendered.height,
        size_bytes=len(rendered.content),
    )


async def fan_out(record: Record[MediaReady], deps: Deps) -> list[Event]:
    """The post is in its followers' lists, or planned in pages when they are many.

    It stands in its author's timeline first: a reader whose list is not there yet finds it
    in the timelines that the list is made from.
    """
    event = record.event
    await deps.posts.record_ready(event)
    followers = await deps.graph.followers(event.author_id, limit=FANOUT_PAGE_LENGTH + 1)
    if len(followers) <= FANOUT_PAGE_LENGTH:
        await deps.feeds.push(event.post_id, followers)
        return []
    return [_page(event, bucket, after="") for bucket in range(FOLLOWER_BUCKETS)]


async def push_page(record: Record[FanoutPage], deps: Deps) -> list[Event]:
    """The post is in one page of followers' lists, and the next page is planned."""
    page = record.event
    followers = await deps.graph.followers_in(
        page.author_id, bucket=page.bucket, after=page.after, limit=FANOUT_PAGE_LENGTH
    )
    await deps.feeds.push(page.post_id, followers)
    if len(followers) < FANOUT_PAGE_LENGTH:
        return []
    return [_page(page, page.bucket, after=followers[-1])]


def _page(event: MediaReady | FanoutPage, bucket: int, after: str) -> FanoutPage:
    return FanoutPage(
        post_id=event.post_id,
        author_id=event.author_id,
        bucket=bucket,
        after=after,
        at_ms=event.at_ms,
    )


MEDIA: Handlers = {UploadFinalized: render_media}
POSTS: Handlers = {
    UploadFinalized: record_finalized,
    MediaReady: record_ready,
    MediaFailed: record_failed,
}
FEEDS: Handlers = {MediaReady: fan_out, FanoutPage: push_page, UserFollowed: backfill}
GRAPH: Handlers = {
    UserJoined: record_joined,
    UserFollowed: record_followed,
    UserUnfollowed: record_unfollowed,
}
