"""Which posts need which media, and what is needed no more.

Events come in any order, and each more than once: both sides write first and read then.
"""

from instastream import media
from instastream.deps import Deps
from instastream.events import Event, MediaFailed, MediaReady, PostDeleted, Record
from instastream.handlers.table import Handlers
from instastream.ids import PostId
from instastream.stores.ledger import Reference
from instastream.uploads import is_original, original_key


async def record_ready(record: Record[MediaReady], deps: Deps) -> list[Event]:
    """The post needs its media, unless it is deleted."""
    event = record.event
    root = media.root_of_key(event.variants[0].key)
    await deps.ledger.refer(event.post_id, Reference(root, event.media_id))
    return await _release_deleted(event.post_id, deps)


async def record_failed(record: Record[MediaFailed], deps: Deps) -> list[Event]:
    """The upload stays as it is for as long as the post does."""
    event = record.event
    upload_key = original_key(event.author_id, event.media_id)
    await deps.ledger.refer(event.post_id, Reference(upload_key, event.media_id))
    return await _release_deleted(event.post_id, deps)


async def record_deleted(record: Record[PostDeleted], deps: Deps) -> list[Event]:
    """The post needs nothing any more."""
    await deps.ledger.record_deleted(record.event.post_id)
    return await _release_deleted(record.event.post_id, deps)


async def _release_deleted(post_id: PostId, deps: Deps) -> list[Event]:
    post = await deps.ledger.of_post(post_id)
    for reference in post.references if post.deleted else []:
        await _release(reference, deps)
    return []


async def _release(reference: Reference, deps: Deps) -> None:
    """Released before a look is asked for: one before that would find it needed, and be the last.

    Spared before it is released: a look that somebody else asked for may be due just then. Stopped
    in between, the event is handled again, and finds what the post referred to again.
    """
    if is_original(reference.root):  # of a failed media, which nobody shares
        await deps.ledger.release(reference)
        await deps.blobs.delete([reference.root])
        return
    grace_s = deps.settings.media_grace_s
    await deps.ledger.spare(reference.root, ttl_s=grace_s)
    await deps.ledger.release(reference)
    await deps.ledger.look_later(reference.root, due_ms=deps.now_ms() + grace_s * 1000)


LEDGER: Handlers = {
    MediaReady: record_ready,
    MediaFailed: record_failed,
    PostDeleted: record_deleted,
}
