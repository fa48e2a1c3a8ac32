"""Identical originals are rendered once and share what they become: docs/decisions/0013.

Nothing here rests on a claim or on time: a post refers to a root before it reads which generation
is current, and a generation is deleted only once it is condemned and nobody refers to its root.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from random import Random
from typing import TypeAlias, TypeVar
from uuid import uuid4

from instastream import media, metrics
from instastream.deps import Deps
from instastream.errors import Corrupt, Unavailable
from instastream.events import Event, MediaFailed, MediaReady, UploadFinalized
from instastream.media import Outcome
from instastream.retries import backoff, wait_out
from instastream.stores.ledger import Reference
from instastream.uploads import is_video, original_key

CLAIM_TTL_S = 15  # how long the next one waits for a worker that was killed
FAILURE_TTL_S = 30  # by then each twin that waited has asked; one that comes later tries anew
CLAIM_RENEWAL_S = 5  # a store may be away for two of three renewals
DELETED = Corrupt("deleted", "its post is deleted")
GIVEN_UP = Corrupt("not-processed", "it could not be processed, through no fault of its own")

Put: TypeAlias = Callable[[str], Awaitable[Outcome]]  # puts every object into a folder
Render: TypeAlias = Callable[[], Awaitable[Put]]  # the costly part; puts nothing
Result = TypeVar("Result")


async def announce(
    upload: UploadFinalized, work: Callable[[], Awaitable[MediaReady]], deps: Deps
) -> list[Event]:
    """What became of an upload: `work` ends in `share`, or raises Corrupt when it can't.

    Of a deleted post too: what an earlier run referred to in its name is released by that.
    """
    if (await deps.ledger.of_post(upload.post_id)).deleted:
        return [_failed(upload, DELETED, deps)]
    try:
        return [await work()]
    except Corrupt as error:
        if error.reason == "missing-original":
            return await _announce_again(upload, error, deps)
        _count(upload, "failed")
        return [_failed(upload, error, deps)]


def give_up(upload: UploadFinalized, deps: Deps) -> list[Event]:
    """Its author is told. Handled after all, it becomes ready as if nothing had been said."""
    return [_failed(upload, GIVEN_UP, deps)]


async def share(upload: UploadFinalized, digest: str, render: Render, deps: Deps) -> MediaReady:
    """The original is what its digest stands for, rendered unless it was; the upload is gone.

    What is put must follow from the bytes alone: two workers may put it, at any time. Raises
    Corrupt what `render` raises, here or for a twin just now, and "missing-original" when another
    run has just finished.
    """
    root = media.root_of(digest, private=upload.private)
    outcome: Outcome | None = None
    put: Put | None = None
    async with _turn(root, deps) as owner:
        render = partial(_decide, root, owner, render, deps)
        while outcome is None:  # again where it was condemned just now
            put = None if (await deps.ledger.generations(root)).standing else await render()
            outcome = await _wait_out(partial(_settle, upload, root, put, deps), deps)
    await deps.blobs.delete([original_key(upload.author_id, upload.media_id)])
    _count(upload, "made" if put else "shared")
    return _ready(upload, root, outcome, deps)


async def _decide(root: str, owner: str, render: Render, deps: Deps) -> Put:
    """Rendered, or failed: for the twins that wait, too."""
    try:
        return await render()
    except Corrupt as error:
        with suppress(Unavailable):  # then each tries by itself
            await deps.ledger.fail(root, owner, error, ttl_s=FAILURE_TTL_S)
        raise


async def _wait_out(work: Callable[[], Awaitable[Result]], deps: Deps) -> Result:
    """While a store is away: what was rendered is not rendered again."""
    return await wait_out(work, Unavailable, random=Random(), sleep=deps.sleep, waited=deps.waited)


async def _settle(
    upload: UploadFinalized, root: str, put: Put | None, deps: Deps
) -> Outcome | None:
    """What stands, also by a worker that claimed it meanwhile, or what is put; else None."""
    await deps.ledger.refer(upload.post_id, Reference(root, upload.media_id))
    found = await deps.ledger.generations(root)
    if found.standing or put is None:
        return found.standing
    return await _keep(upload, root, found.current, put, deps)


async def _keep(
    upload: UploadFinalized, root: str, generation: int, put: Put, deps: Deps
) -> Outcome:
    """Put everything, the original first; what stands then, whoever was faster.

    The look later finds what is left by a worker that stops in here after another one has done
    the same event: nothing else would lead there.
    """
    grace_ms = deps.settings.media_grace_s * 1000
    await deps.ledger.look_later(root, due_ms=deps.now_ms() + grace_ms)
    folder = media.folder_in(root, generation)
    upload_key = original_key(upload.author_id, upload.media_id)
    await deps.blobs.copy(upload_key, media.kept_key(folder), size_bytes=upload.size_bytes)
    return await deps.ledger.keep(root, generation, await put(folder))


async def _announce_again(upload: UploadFinalized, error: Corrupt, deps: Deps) -> list[Event]:
    """The upload is gone: an earlier run has shared it, or it failed.

    The newest outcome is one that cannot go while this post needs it: the earlier run saw it, or
    an older one, after it had referred to its root.
    """
    post = await deps.ledger.of_post(upload.post_id)
    for reference in post.references:
        if reference.media_id == upload.media_id:
            outcomes = (await deps.ledger.generations(reference.root)).outcomes
            if outcomes:
                return [_ready(upload, reference.root, outcomes[max(outcomes)], deps)]
    return [_failed(upload, error, deps)]


@asynccontextmanager
async def _turn(root: str, deps: Deps) -> AsyncIterator[str]:
    """Entered when it is rendered already, or by one at a time, as far as claims can tell."""
    owner = uuid4().hex
    if not await _claimed(root, owner, deps):
        yield owner
        return
    renewal = asyncio.create_task(_renew(root, owner, deps))
    try:
        yield owner
    finally:
        renewal.cancel()
        await asyncio.wait([renewal])  # or what it sent last would claim it again
        with suppress(Unavailable):  # it ends by itself
            await deps.ledger.free(root, owner)


async def _claimed(root: str, owner: str, deps: Deps) -> bool:
    """Wait until it is ours to render, or rendered by someone else."""
    for wait_s in backoff(Random()):
        if (await deps.ledger.generations(root)).standing:
            return False
        if await deps.ledger.claim(root, owner, ttl_s=CLAIM_TTL_S):
            return True
        await deps.sleep(wait_s)
    raise AssertionError("backoff has no end")


async def _renew(root: str, owner: str, deps: Deps) -> None:
    while True:
        await deps.sleep(CLAIM_RENEWAL_S)
        with suppress(Unavailable, Corrupt):  # failed by now
            await deps.ledger.claim(root, owner, ttl_s=CLAIM_TTL_S)


def _count(upload: UploadFinalized, outcome: str) -> None:
    kind = "video" if is_video(upload.content_type) else "photo"
    metrics.MEDIA.labels(kind, outcome).inc()


def _ready(upload: UploadFinalized, root: str, outcome: Outcome, deps: Deps) -> MediaReady:
    return MediaReady(
        media_id=upload.media_id,
        post_id=upload.post_id,
        author_id=upload.author_id,
        position=upload.position,
        media_count=upload.media_count,
        digest=root.rpartition("/")[2],
        variants=outcome.variants,
        thumbhash=outcome.thumbhash,
        colour=outcome.colour,
        video=outcome.video,
        fanout=upload.fanout,
        at_ms=deps.now_ms(),
    )


def _failed(upload: UploadFinalized, error: Corrupt, deps: Deps) -> MediaFailed:
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
