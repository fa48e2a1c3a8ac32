"""What clients may do: check, append the fact, and apply it at once so that they see it.

Each command is safe to repeat: after an Unavailable, the same call again completes it.
"""

from hashlib import blake2b
from uuid import uuid4

import msgspec

from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.events import UploadFinalized, UserFollowed, UserUnfollowed
from instastream.handlers.graph import record_followed, record_unfollowed
from instastream.handlers.posts import record_finalized
from instastream.ids import MediaId, PostId, UserId
from instastream.limits import FOLLOWS_MAX
from instastream.stores.blobs import SignedPut
from instastream.stores.posts import Post
from instastream.stores.uploads import Claim, Upload
from instastream.uploads import check_arrived, check_declared, original_key


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What an author says of a post."""

    media_id: MediaId
    caption: str
    alt_text: str


async def follow(follower_id: UserId, followee_id: UserId, deps: Deps) -> None:
    """See what someone posts; following again changes nothing.

    It is said to the log each time: what is on its way there may not be in the graph yet.
    """
    if follower_id == followee_id:
        raise Rejected("follow-yourself", "you can't follow yourself")
    if await deps.users.get(followee_id) is None:
        raise Rejected("user-not-found", f"there is no user {followee_id}")
    followees = set(await deps.graph.followees(follower_id))
    if len(followees - {followee_id}) >= FOLLOWS_MAX:
        raise Rejected("too-many-follows", f"you follow {FOLLOWS_MAX} already: unfollow some")
    event = UserFollowed(follower_id=follower_id, followee_id=followee_id, at_ms=deps.now_ms())
    await record_followed(await deps.log.append(event), deps)


async def unfollow(follower_id: UserId, followee_id: UserId, deps: Deps) -> None:
    """No longer see what someone posts; unfollowing again changes nothing."""
    event = UserUnfollowed(follower_id=follower_id, followee_id=followee_id, at_ms=deps.now_ms())
    await record_unfollowed(await deps.log.append(event), deps)


async def request_upload(
    user_id: UserId, *, content_type: str, size_bytes: int, sha256: str, deps: Deps
) -> tuple[Upload, SignedPut]:
    """A place to PUT exactly these bytes; raises Rejected when they are out of the limits."""
    check_declared(content_type=content_type, size_bytes=size_bytes, sha256=sha256)
    upload = Upload(
        media_id=MediaId(str(uuid4())),
        user_id=user_id,
        content_type=content_type,
        size_bytes=size_bytes,
        sha256=sha256,
        declared_ms=deps.now_ms(),
    )
    await deps.uploads.declare(upload)
    put = await deps.blobs.sign_put(
        _key(upload), content_type=content_type, size_bytes=size_bytes, sha256=sha256
    )
    return upload, put


async def finalize(
    author_id: UserId, draft: Draft, *, idempotency_key: str | None, deps: Deps
) -> Post:
    """Make an upload a post, exactly one however often it is asked."""
    digest = _digest(draft)
    await _check_key(author_id, idempotency_key, digest, deps)
    upload = await deps.uploads.get(draft.media_id)
    if upload is None or upload.user_id != author_id:
        raise Rejected("upload-not-found", f"you have no upload {draft.media_id}")
    post_id = await _claim(upload, digest, deps)
    if standing := (await deps.posts.get([post_id])).get(post_id):
        return standing
    event = UploadFinalized(
        media_id=upload.media_id,
        post_id=post_id,
        author_id=author_id,
        content_type=upload.content_type,
        size_bytes=upload.size_bytes,
        caption=draft.caption,
        alt_text=draft.alt_text,
        at_ms=deps.now_ms(),
    )
    await record_finalized(await deps.log.append(event), deps)
    return (await deps.posts.get([post_id]))[post_id]


def _digest(draft: Draft) -> str:
    """The same for the same words, also in later versions of this code."""
    words = msgspec.json.encode([draft.media_id, draft.caption, draft.alt_text])
    return blake2b(words, digest_size=16).hexdigest()


async def _check_key(author_id: UserId, key: str | None, digest: str, deps: Deps) -> None:
    if key is None:
        return
    standing = await deps.uploads.remember(user_id=author_id, key=key, request_digest=digest)
    if standing != digest:
        raise Rejected("idempotency-key-reused", "this Idempotency-Key came with another request")


async def _claim(upload: Upload, digest: str, deps: Deps) -> PostId:
    """The id of the post this upload belongs to, from now on if not before."""
    standing = upload.claim
    if standing is None:
        check_arrived(upload, await deps.blobs.head(_key(upload)), now_ms=deps.now_ms())
        fresh = Claim(PostId(await deps.ids.mint()), digest)
        standing = await deps.uploads.claim(upload.media_id, fresh)
    if standing.request_digest != digest:
        raise Rejected("upload-already-used", "this upload is a post already, with other words")
    return standing.post_id


def _key(upload: Upload) -> str:
    return original_key(upload.user_id, upload.media_id)
