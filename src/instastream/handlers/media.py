"""What an upload's bytes become."""

from instastream import media
from instastream.deps import Deps
from instastream.errors import Corrupt
from instastream.events import Event, MediaFailed, MediaReady, Record, UploadFinalized, Variant
from instastream.handlers.table import Handlers
from instastream.uploads import is_video, original_key


async def render_media(record: Record[UploadFinalized], deps: Deps) -> list[Event]:
    """Every variant lies in the object store, or the media can never be rendered."""
    upload = record.event
    if is_video(upload.content_type):
        return []
    try:
        original = await deps.blobs.get(original_key(upload.author_id, upload.media_id))
        digest = media.digest_of(original, deps.settings.media_key)
        rendering = await deps.renderer.render(original)
    except Corrupt as error:
        return [media_failed(upload, error, deps)]
    folder = media.media_folder(digest, generation=0, private=upload.private)
    variants = [await put_variant(folder, one, deps) for one in rendering.variants]
    return [
        MediaReady(
            media_id=upload.media_id,
            post_id=upload.post_id,
            author_id=upload.author_id,
            position=upload.position,
            media_count=upload.media_count,
            digest=digest,
            variants=variants,
            thumbhash=rendering.thumbhash,
            colour=rendering.colour,
            at_ms=deps.now_ms(),
        )
    ]


def media_failed(upload: UploadFinalized, error: Corrupt, deps: Deps) -> MediaFailed:
    """What to tell its owner."""
    return MediaFailed(
        media_id=upload.media_id,
        post_id=upload.post_id,
        author_id=upload.author_id,
        position=upload.position,
        media_count=upload.media_count,
        reason=error.reason,
        detail=str(error),
        at_ms=deps.now_ms(),
    )


async def put_variant(folder: str, rendered: media.Rendered, deps: Deps) -> Variant:
    """The variant lies in the object store."""
    key = media.object_key(folder, rendered.name)
    await deps.blobs.put(key, rendered.content, content_type="image/webp")
    return Variant(
        name=rendered.name,
        key=key,
        width=rendered.width,
        height=rendered.height,
        size_bytes=len(rendered.content),
    )


MEDIA: Handlers = {UploadFinalized: render_media}
