"""What a post is by now; whoever keeps it in memory is told."""

from typing import TypeAlias

from instastream.deps import Deps, version_of_record
from instastream.events import (
    Event,
    MediaFailed,
    MediaReady,
    PostDeleted,
    PostEdited,
    Record,
    UploadFinalized,
)
from instastream.handlers.table import Handlers
from instastream.stores.changes import Change

PostEvent: TypeAlias = UploadFinalized | MediaReady | MediaFailed | PostEdited | PostDeleted


async def record_finalized(record: Record[UploadFinalized], deps: Deps) -> list[Event]:
    """The post has this media, and its author can read it."""
    await deps.posts.record_finalized(record.event)
    await _tell(record.event, deps)
    return []


async def record_ready(record: Record[MediaReady], deps: Deps) -> list[Event]:
    """The media is ready; once all of a post's are, everyone can read it."""
    await deps.posts.record_ready(record.event)
    await _tell(record.event, deps)
    return []


async def record_failed(record: Record[MediaFailed], deps: Deps) -> list[Event]:
    """The post has failed, and its author can read why."""
    await deps.posts.record_failed(record.event)
    await _tell(record.event, deps)
    return []


async def record_edited(record: Record[PostEdited], deps: Deps) -> list[Event]:
    """The post has the words that were said last."""
    version = await version_of_record(record, deps)
    await deps.posts.record_edited(record.event, version=version)
    await _tell(record.event, deps)
    return []


async def record_deleted(record: Record[PostDeleted], deps: Deps) -> list[Event]:
    """Nobody can read the post any more."""
    await deps.posts.record_deleted(record.event)
    await _tell(record.event, deps)
    return []


async def _tell(event: PostEvent, deps: Deps) -> None:
    await deps.changes.tell(Change("post", event.author_id, event.post_id))


POSTS: Handlers = {
    UploadFinalized: record_finalized,
    MediaReady: record_ready,
    MediaFailed: record_failed,
    PostEdited: record_edited,
    PostDeleted: record_deleted,
}
