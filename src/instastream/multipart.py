"""Uploads on their way, most of all large ones in parts: sign, look up, complete, abort, sweep.

Each is safe to repeat: after an Unavailable, the same call again completes it.
"""

from collections.abc import AsyncIterator

from msgspec import Struct
from msgspec.structs import replace

from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.findings import Finding
from instastream.ids import MediaId, UserId
from instastream.limits import MULTIPART_TTL_S, UPLOAD_GRACE_S
from instastream.metrics import count_swept
from instastream.parts import composite, part_count, part_sizes, sha256_of_parts
from instastream.stores.blobs import SignedPut
from instastream.stores.multiparts import Part
from instastream.stores.uploads import ABORTED, Upload
from instastream.uploads import ORIGINALS, check_in_time, check_not_aborted, key_of

OTHER_DIGESTS = (
    "the declared sha256 must be the SHA-256 of the digests of all parts, one after another, and "
    "not of the whole file: complete it with the digests that it was made of, or request a new "
    "upload with the right one"
)


class Progress(Struct, frozen=True):
    """How far an upload is: whether its object is there, and if not, which of its parts are."""

    upload: Upload
    complete: bool
    arrived: dict[int, Part] = {}


async def begin(upload: Upload, deps: Deps) -> Upload:
    """The same, known to the object store as one that arrives in parts."""
    multipart_id = await deps.multiparts.begin(key_of(upload), content_type=upload.content_type)
    sha256 = composite(upload.sha256, part_count(upload.size_bytes))
    return replace(upload, multipart_id=multipart_id, sha256=sha256)


async def sign_parts(
    user_id: UserId, media_id: MediaId, sha256s: dict[int, str], deps: Deps
) -> dict[int, SignedPut]:
    """Where to PUT these parts, by number; asked again, also for parts that have arrived."""
    progress = await look_up(user_id, media_id, deps)
    upload, multipart_id = progress.upload, _multipart_id(progress.upload)
    sizes = part_sizes(upload.size_bytes)
    if unknown := sha256s.keys() - sizes.keys():
        raise Rejected("invalid-request", f"there is no part {min(unknown)} of {len(sizes)}")
    if progress.complete:
        raise Rejected("upload-complete", "no part can be sent any more")
    return {
        number: await deps.multiparts.sign_part(
            key_of(upload),
            multipart_id,
            number,
            size_bytes=sizes[number],
            sha256=sha256s[number],
        )
        for number in sorted(sha256s)
    }


async def look_up(user_id: UserId, media_id: MediaId, deps: Deps) -> Progress:
    """What of an upload has arrived.

    Parts are asked for first: when their multipart is gone, whether there is an object is final.
    """
    upload = await own_upload(user_id, media_id, deps)
    if upload.claim:
        check_not_aborted(upload.claim)
        return Progress(upload, complete=True)
    parts = await _parts(upload, deps)
    if parts is not None:
        check_in_time(upload, arrived=False, now_ms=deps.now_ms())
        return Progress(upload, complete=False, arrived=parts)
    there = await deps.blobs.head(key_of(upload)) is not None
    check_in_time(upload, arrived=there, now_ms=deps.now_ms())
    if upload.multipart_id and not there:
        raise Rejected("upload-aborted", "its parts are gone: request a new upload")
    return Progress(upload, complete=there)


async def complete(user_id: UserId, media_id: MediaId, sha256s: list[str], deps: Deps) -> Progress:
    """Put the parts together, once all have arrived and are what was declared."""
    progress = await look_up(user_id, media_id, deps)
    upload, multipart_id = progress.upload, _multipart_id(progress.upload)
    if progress.complete:
        return progress
    if missing := part_sizes(upload.size_bytes).keys() - progress.arrived.keys():
        numbers = ", ".join(map(str, sorted(missing)))
        raise Rejected("upload-incomplete", f"missing, or not of their size: {numbers}")
    if composite(sha256_of_parts(sha256s), len(sha256s)) != upload.sha256:
        raise Rejected("upload-mismatch", OTHER_DIGESTS)
    parts = [progress.arrived[number] for number in sorted(progress.arrived)]
    if await deps.multiparts.complete(key_of(upload), multipart_id, parts, sha256s):
        return Progress(upload, complete=True)
    return await look_up(user_id, media_id, deps)  # completed by another request, or aborted


async def abort(user_id: UserId, media_id: MediaId, deps: Deps) -> None:
    """Take an upload back, so that it can never be a post; raises Rejected when it is one."""
    upload = await own_upload(user_id, media_id, deps)
    if await deps.uploads.claim(upload, ABORTED) != ABORTED:
        raise Rejected("upload-already-used", "this upload is a post: delete the post instead")
    if upload.multipart_id:
        await deps.multiparts.abort(key_of(upload), upload.multipart_id)
    await deps.blobs.delete([key_of(upload)])
    await deps.uploads.close(upload)


async def abort_abandoned(deps: Deps) -> int:
    """Drop the parts of every upload that nobody can complete any more; returns how many."""
    found = [one async for one in abandoned(deps)]
    count_swept(found)
    return len(found)


async def abandoned(deps: Deps, *, dry_run: bool = False) -> AsyncIterator[Finding]:
    """Each such upload, once its parts are dropped; or would be.

    Where an object is, it was completed: a store that crashed meanwhile may keep both, and the
    object's bytes may be those of the parts.
    """
    begun_before_ms = deps.now_ms() - (MULTIPART_TTL_S + UPLOAD_GRACE_S) * 1000
    async for begun in deps.multiparts.begun(ORIGINALS):
        if begun.begun_ms >= begun_before_ms or await deps.blobs.head(begun.key):
            continue
        parts = (await deps.multiparts.parts(begun.key, begun.multipart_id) or {}).values()
        if not dry_run:
            await deps.multiparts.abort(begun.key, begun.multipart_id)
        yield Finding(
            kind="abandoned-parts",
            of=begun.key,
            why="nobody can complete it any more",
            objects=len(parts),
            size_bytes=sum(part.size_bytes for part in parts),
        )


async def own_upload(user_id: UserId, media_id: MediaId, deps: Deps) -> Upload:
    """What this user declared; raises Rejected for anybody else's, as if there were none."""
    upload = await deps.uploads.get(media_id)
    if upload is None or upload.user_id != user_id:
        raise Rejected("upload-not-found", f"you have no upload {media_id}")
    return upload


async def _parts(upload: Upload, deps: Deps) -> dict[int, Part] | None:
    """Those that are as they were declared; None when it has none, or no longer."""
    if upload.multipart_id is None:
        return None
    parts = await deps.multiparts.parts(key_of(upload), upload.multipart_id)
    if parts is None:
        return None
    sizes = part_sizes(upload.size_bytes)
    return {number: part for number, part in parts.items() if part.size_bytes == sizes.get(number)}


def _multipart_id(upload: Upload) -> str:
    if upload.multipart_id is None:
        raise Rejected("invalid-request", "this upload has no parts: it arrives in one PUT")
    return upload.multipart_id
