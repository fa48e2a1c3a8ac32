"""What a post is by now."""

from instastream.deps import Deps
from instastream.events import Event, MediaFailed, MediaReady, Record, UploadFinalized
from instastream.handlers.table import Handlers


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


POSTS: Handlers = {
    UploadFinalized: record_finalized,
    MediaReady: record_ready,
    MediaFailed: record_failed,
}
