"""Removes what lies under `uploads/` and is needed no more: docs/decisions/0019.

Nothing goes but by a verdict that is final, so that it is right however late it is acted on: an
aborted upload is never a post, a ready media needs its upload no more, and a deleted post stays
deleted. What was never finalized is aborted first, by the write that a finalize would lose.
"""

import asyncio
from collections.abc import Sequence

from instastream.deps import Deps
from instastream.ids import MediaId, PostId
from instastream.limits import UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.stores.blobs import Listed
from instastream.stores.uploads import ABORTED
from instastream.uploads import ORIGINALS, is_over, key_of, media_id_of

PAGE_LENGTH = 1_000  # what S3 lists and deletes at once
PAGES_MAX = 10  # of one pass: some seconds


async def sweep_uploads(deps: Deps) -> int:
    """One pass, from where the last one ended; returns how many objects went.

    Any number of these may run at once, and stop anywhere: what one leaves, the next round meets.
    """
    swept = 0
    after = await deps.uploads.last_swept()
    for _ in range(PAGES_MAX):
        page = await deps.blobs.page(ORIGINALS, after=after, limit=PAGE_LENGTH)
        after = page[-1].key if len(page) == PAGE_LENGTH else ""
        await deps.uploads.record_swept(after)  # first: a page that fails does not stop the others
        swept += await _sweep(page, deps)
        if not after:
            break
    return swept


async def _sweep(page: Sequence[Listed], deps: Deps) -> int:
    """Of what is old enough that its address has ended: nobody can put it there again."""
    old_ms = deps.now_ms() - (UPLOAD_TTL_S + UPLOAD_GRACE_S) * 1000
    keys = [one.key for one in page if one.modified_ms < old_ms]
    verdicts = await asyncio.gather(*(_is_unneeded(key, deps) for key in keys))
    unneeded = [key for key, verdict in zip(keys, verdicts, strict=True) if verdict]
    await deps.blobs.delete(unneeded)
    return len(unneeded)


async def _is_unneeded(key: str, deps: Deps) -> bool:
    media_id = media_id_of(key)
    upload = await deps.uploads.get(media_id) if media_id else None
    if upload is None or key_of(upload) != key:
        return False  # not what we gave an address for: not ours to remove
    claim = upload.claim
    if claim is None and is_over(upload, now_ms=deps.now_ms()):
        claim = await deps.uploads.claim(upload.media_id, ABORTED)
    if claim is None:
        return False
    return claim == ABORTED or await _is_done(upload.media_id, claim.post_id, deps)


async def _is_done(media_id: MediaId, post_id: PostId, deps: Deps) -> bool:
    """Whether its post is deleted, or has what it became; not while a finalize may append it."""
    post = (await deps.posts.get([post_id])).get(post_id)
    if post is None:
        return False
    return post.deleted or any(one.rendered for one in post.media if one.media_id == media_id)
