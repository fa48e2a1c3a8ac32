"""Which media of a history's posts are not in the object store, and what lies there for nobody."""

import asyncio
from collections.abc import AsyncIterator

from instastream import uploads
from instastream.deps import Deps
from instastream.ids import PostId
from instastream.limits import UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.listing import pages
from instastream.load.checks.oracle import Oracle
from instastream.load.checks.violations import Violation, violation
from instastream.media import root_of_key
from instastream.stores.blobs import Listed
from instastream.stores.posts import Post
from instastream.stores.uploads import ABORTED

ROOTS = ("media/", "private/")
KEPT = "originals/"  # what they were made from
POSTS_AT_ONCE = 500
SWEPT_WITHIN_MS = 900_000  # past grace: uploads are swept every five minutes, several at worst
RECLAIMED_WITHIN_MS = 60_000  # past grace: what is due is looked at every five seconds
DUE_LENGTH_MAX = 1_000_000


async def lost_media(oracle: Oracle, deps: Deps) -> AsyncIterator[Violation]:
    """Objects that ready posts of the history refer to, and that are not there."""
    there = {one.key for prefix in ROOTS async for one in _all(prefix, deps)}
    standing = [PostId(post_id) for post_id in oracle.posts if oracle.stands(post_id)]
    for at in range(0, len(standing), POSTS_AT_ONCE):
        for post in (await deps.posts.get(standing[at : at + POSTS_AT_ONCE])).values():
            missing = [key for key in keys_of(post) if key not in there]
            if missing:
                yield violation(
                    "lost-media", post=post.post_id, reader=post.author_id, keys=missing
                )


def keys_of(post: Post) -> list[str]:
    """Where a post's variants and the master playlists of its videos lie."""
    return [key for media in post.media if media.rendered for key in media.rendered.keys]


async def orphans(oracle: Oracle, deps: Deps, *, since_ms: int) -> AsyncIterator[Violation]:
    """What was put there since then, lies there longer than it may, and no post needs."""
    now_ms = deps.now_ms()
    async for one in _unneeded_uploads(oracle, since_ms, now_ms, deps):
        yield one
    async for one in _unneeded_media(since_ms, now_ms, deps):
        yield one


async def _unneeded_uploads(
    oracle: Oracle, since_ms: int, now_ms: int, deps: Deps
) -> AsyncIterator[Violation]:
    grace_ms = (UPLOAD_TTL_S + UPLOAD_GRACE_S) * 1000 + SWEPT_WITHIN_MS
    waiting: list[Listed] = []
    async for listed in _all(uploads.ORIGINALS, deps):
        if since_ms <= listed.modified_ms < now_ms - grace_ms:
            waiting.append(listed)
    for at in range(0, len(waiting), POSTS_AT_ONCE):
        some = waiting[at : at + POSTS_AT_ONCE]
        whys = await asyncio.gather(*(_why_unneeded(one.key, oracle, now_ms, deps) for one in some))
        for one, why in zip(some, whys, strict=True):
            if why:
                yield _orphan(one, why)


async def _why_unneeded(key: str, oracle: Oracle, now_ms: int, deps: Deps) -> str:
    """Empty where a post needs it, or may until a moment ago have needed it."""
    media_id = uploads.media_id_of(key)
    upload = await deps.uploads.get(media_id) if media_id else None
    if upload is None or uploads.key_of(upload) != key:
        return ""  # nobody was given this address: it is not ours
    if upload.claim is None:
        is_late = now_ms - SWEPT_WITHIN_MS
        return "never finalized" if uploads.is_over(upload, now_ms=is_late) else ""
    if upload.claim == ABORTED:
        return "aborted"
    gone = oracle.deleted_since(upload.claim.post_id)
    return "its post is deleted" if gone < now_ms - SWEPT_WITHIN_MS else ""


async def _unneeded_media(since_ms: int, now_ms: int, deps: Deps) -> AsyncIterator[Violation]:
    """Of the originals of what is referred to, and of what someone will look at, none is one."""
    late_ms = now_ms - RECLAIMED_WITHIN_MS
    old_ms = late_ms - deps.settings.media_grace_s * 1000
    roots: dict[str, Listed] = {}  # the newest object of each
    for prefix in (*ROOTS, KEPT):
        async for one in _all(prefix, deps):
            root = root_of_key(one.key.removeprefix(KEPT))
            newest = roots.get(root, one)
            roots[root] = max(newest, one, key=lambda listed: listed.modified_ms)
    old = [root for root, newest in roots.items() if since_ms <= newest.modified_ms < old_ms]
    for at in range(0, len(old), POSTS_AT_ONCE):
        some = old[at : at + POSTS_AT_ONCE]
        referred = await asyncio.gather(*(deps.ledger.is_referred(root) for root in some))
        unneeded = [root for root, needed in zip(some, referred, strict=True) if not needed]
        if not unneeded:
            continue
        ahead_ms = now_ms + 2 * deps.settings.media_grace_s * 1000
        due = await deps.ledger.due(ahead_ms, limit=DUE_LENGTH_MAX)
        waiting = {one.root for one in due if one.due_ms > late_ms}
        for root in unneeded:
            if root not in waiting:
                yield _orphan(roots[root], "no post refers to it")


async def _all(prefix: str, deps: Deps) -> AsyncIterator[Listed]:
    async for page in pages(prefix, deps):
        for one in page:
            yield one


def _orphan(one: Listed, why: str) -> Violation:
    return violation("orphan", key=one.key, modified_ms=one.modified_ms, why=why)
