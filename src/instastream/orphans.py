"""Removes what lies under `uploads/` and is needed no more: docs/decisions/0019.

Nothing goes but by a verdict that is final, so that it is right however late it is acted on: an
aborted upload is never a post, a ready media needs its upload no more, and a deleted post stays
deleted. What was never finalized is aborted first, by the write that a finalize would lose.
"""

import asyncio
from collections.abc import Sequence

from instastream.deps import Deps
from instastream.findings import Finding, Kind
from instastream.ids import MediaId, PostId
from instastream.limits import UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.listing import next_pages
from instastream.metrics import count_swept
from instastream.stores.blobs import Listed
from instastream.stores.uploads import ABORTED
from instastream.uploads import ORIGINALS, is_over, key_of, media_id_of

PAGES_MAX = 10  # of one pass: some seconds


async def sweep_uploads(deps: Deps) -> int:
    """One pass, from where the last one ended; returns how many objects went.

    Any number of these may run at once, and stop anywhere: what one leaves, the next round meets.
    """
    swept = 0
    async for page in next_pages(ORIGINALS, deps, count=PAGES_MAX):
        found = await sweep_page(page, deps)
        count_swept(found)
        swept += sum(one.goes for one in found)
    return swept


async def sweep_page(page: Sequence[Listed], deps: Deps, *, dry_run: bool = False) -> list[Finding]:
    """Of what is old enough that its address has ended: nobody can put it there again."""
    old_ms = deps.now_ms() - (UPLOAD_TTL_S + UPLOAD_GRACE_S) * 1000
    old = [one for one in page if one.modified_ms < old_ms]
    verdicts = await asyncio.gather(*(_judge(one, deps, dry_run=dry_run) for one in old))
    found = [verdict for verdict in verdicts if verdict]
    if not dry_run:
        await deps.blobs.delete([one.of for one in found if one.goes])
    return found


async def _judge(one: Listed, deps: Deps, *, dry_run: bool) -> Finding | None:
    media_id = media_id_of(one.key)
    upload = await deps.uploads.get(media_id) if media_id else None
    if upload is None or key_of(upload) != one.key:  # not what we gave an address for
        return _finding("unknown", one, "no upload that we know of has this address")
    claim = upload.claim
    if claim is None and is_over(upload, now_ms=deps.now_ms()):
        claim = ABORTED if dry_run else await deps.uploads.claim(upload, ABORTED)
        if claim == ABORTED:
            return _finding("never-finalized", one, "nobody can finalize it any more")
    if claim is None:
        return None
    why = "aborted" if claim == ABORTED else await _done(upload.media_id, claim.post_id, deps)
    return _finding("unneeded-upload", one, why) if why else None


async def _done(media_id: MediaId, post_id: PostId, deps: Deps) -> str:
    """Whether its post is deleted, or has what it became; not while a finalize may append it."""
    post = (await deps.posts.get([post_id])).get(post_id)
    if post is None:
        return ""
    if post.deleted:
        return f"post {post_id} is deleted"
    is_ready = any(one.rendered for one in post.media if one.media_id == media_id)
    return f"post {post_id} has what it became" if is_ready else ""


def _finding(kind: Kind, one: Listed, why: str) -> Finding:
    return Finding(kind=kind, of=one.key, why=why, objects=1, size_bytes=one.size_bytes)
