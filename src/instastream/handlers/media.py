"""What an upload's bytes become."""

import asyncio
from functools import partial

from instastream import media
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.events import Event, MediaReady, Record, UploadFinalized, Variant
from instastream.handlers.dedup import Put, announce, give_up, share
from instastream.handlers.table import Handlers, LastWords
from instastream.limits import MEBIBYTE
from instastream.uploads import is_video, original_key

HASHED_HERE_BYTES_MAX = MEBIBYTE  # 1 ms; 30 MiB take 40


async def render_media(record: Record[UploadFinalized], deps: Deps) -> list[Event]:
    """Every variant lies in the object store, or the media can never be rendered."""
    upload = record.event
    if is_video(upload.content_type):
        return []
    return await announce(upload, partial(_share_photo, upload, deps), deps)


async def _share_photo(upload: UploadFinalized, deps: Deps) -> MediaReady:
    original = await deps.blobs.get(original_key(upload.author_id, upload.media_id))
    await check_whole(len(original), upload, deps)
    digest = await _digest(original, deps.settings.media_key)
    return await share(upload, digest, partial(_render, original, deps), deps)


async def check_whole(arrived_bytes: int, upload: UploadFinalized, deps: Deps) -> None:
    """Raises Unavailable where less of the original has arrived than lies there.

    What a store cuts short looks damaged, and the post would fail for good.
    """
    if arrived_bytes == upload.size_bytes:
        return
    lies = await deps.blobs.head(original_key(upload.author_id, upload.media_id))
    if lies and lies.size_bytes != arrived_bytes:
        why = f"{arrived_bytes} of {lies.size_bytes} bytes arrived"
        raise Unavailable("the object store", why)


async def _digest(original: bytes, key: bytes) -> str:
    """Where that takes as long as others should not wait, in a thread."""
    if len(original) <= HASHED_HERE_BYTES_MAX:
        return media.digest_of(original, key)
    return await asyncio.to_thread(media.digest_of, original, key)


async def _render(original: bytes, deps: Deps) -> Put:
    return partial(_put, await deps.renderer.render(original), deps)


async def _put(rendering: media.Rendering, deps: Deps, folder: str) -> media.Outcome:
    variants = await put_variants(rendering, folder, deps)
    return media.Outcome(variants=variants, thumbhash=rendering.thumbhash, colour=rendering.colour)


async def put_variants(rendering: media.Rendering, folder: str, deps: Deps) -> list[Variant]:
    """All of them lie in the object store."""
    return [await _put_variant(folder, one, deps) for one in rendering.variants]


async def _put_variant(folder: str, rendered: media.Rendered, deps: Deps) -> Variant:
    key = media.object_key(folder, rendered.name)
    await deps.blobs.put(key, rendered.content, content_type="image/webp")
    return Variant(
        name=rendered.name,
        key=key,
        width=rendered.width,
        height=rendered.height,
        size_bytes=len(rendered.content),
    )


def give_up_photo(upload: UploadFinalized, deps: Deps) -> list[Event]:
    """Of those that are its own."""
    return [] if is_video(upload.content_type) else give_up(upload, deps)


MEDIA: Handlers = {UploadFinalized: render_media}
MEDIA_LAST_WORDS: LastWords = {UploadFinalized: give_up_photo}
