"""Looks through all posts for those whose objects are gone: docs/decisions/0037. It only tells."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

from instastream.deps import Deps
from instastream.findings import Finding
from instastream.ids import PostId
from instastream.metrics import count_swept
from instastream.stores.posts import Media, Post

POSTS = "posts"  # what its place is kept as
PAGE_LENGTH = 500  # posts of one pass: as many listings of the object store, some seconds
AT_ONCE = 16  # listings

log = logging.getLogger(__name__)


async def find_dangling(deps: Deps) -> int:
    """One pass, from where the last one ended; returns how many media lack some of their objects.

    Any number of these may run at once, and stop anywhere.
    """
    after = await deps.uploads.last_swept(POSTS)
    page = await deps.posts.ids_after(after, limit=PAGE_LENGTH)
    await deps.uploads.record_swept(POSTS, page[-1] if len(page) == PAGE_LENGTH else "")
    found = await find_missing(page, deps)
    for one in found:
        log.error("post %s lacks %s", one.of, one.why)
    count_swept(found)
    return len(found)


async def all_posts(deps: Deps) -> AsyncIterator[list[PostId]]:
    """The ids of all posts, a page at a time."""
    after = ""
    while page := await deps.posts.ids_after(after, limit=PAGE_LENGTH):
        yield page
        after = page[-1]


async def find_missing(post_ids: Sequence[PostId], deps: Deps) -> list[Finding]:
    """Of posts that are not deleted, each media that was rendered and is not all there."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def lacking(post: Post, media: Media) -> Finding | None:
        async with slots:
            return await _lacking(post, media, deps)

    posts = (await deps.posts.get(list(post_ids))).values()
    found = await asyncio.gather(
        *(lacking(post, media) for post in posts if not post.deleted for media in post.media)
    )
    return [one for one in found if one]


async def _lacking(post: Post, media: Media, deps: Deps) -> Finding | None:
    if media.rendered is None:
        return None
    keys = {*media.rendered.keys}
    folders = {key.rpartition("/")[0] for key in keys}
    there = {one.key for folder in folders for one in await deps.blobs.list(f"{folder}/")}
    missing = sorted(keys - there)
    if not missing or await _is_deleted(post.post_id, deps):  # meanwhile: then they are to be gone
        return None
    return Finding(kind="dangling", of=post.post_id, why=", ".join(missing), objects=len(missing))


async def _is_deleted(post_id: PostId, deps: Deps) -> bool:
    return (await deps.posts.get([post_id]))[post_id].deleted
