"""What clients may do: check, append the fact, and apply it at once so that they see it.

Each command is safe to repeat: after an Unavailable, the same call again completes it.
"""

import asyncio
from hashlib import blake2b
from uuid import uuid4

import msgspec

from instastream import multipart
from instastream.access import find_post
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.events import (
    AltText,
    Fanout,
    PostDeleted,
    PostEdited,
    UploadFinalized,
)
from instastream.handlers.posts import record_deleted, record_edited, record_finalized
from instastream.idempotency import bind
from instastream.ids import MediaId, PostId, UserId
from instastream.limits import LIKE_SHARDS_PULLED, PUT_BYTES_MAX
from instastream.multipart import own_upload
from instastream.quotas import opening
from instastream.stamps import stamp_of
from instastream.stores.blobs import SignedPut
from instastream.stores.posts import Post
from instastream.stores.uploads import Claim, Request, Upload
from instastream.uploads import check_arrived, check_declared, check_not_aborted, key_of


class DraftMedia(msgspec.Struct, frozen=True):
    """An upload that a post is made of, and what its author says it shows."""

    media_id: MediaId
    alt_text: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What an author says of a post, and of each of its media, in their order."""

    caption: str
    media: list[DraftMedia]


async def request_upload(
    user_id: UserId, *, content_type: str, size_bytes: int, sha256: str, deps: Deps
) -> tuple[Upload, SignedPut | None]:
    """A place to PUT exactly these bytes, or None where they are to be sent in parts.

    Raises Rejected when they are out of the limits, or too many uploads are open.
    """
    check_declared(content_type=content_type, size_bytes=size_bytes, sha256=sha256)
    upload = Upload(
        media_id=MediaId(str(uuid4())),
        user_id=user_id,
        content_type=content_type,
        size_bytes=size_bytes,
        sha256=sha256,
        declared_ms=deps.now_ms(),
    )
    in_parts = size_bytes > PUT_BYTES_MAX
    async with opening(upload, in_parts=in_parts, deps=deps):
        if in_parts:
            upload = await multipart.begin(upload, deps)
        await deps.uploads.declare(upload)
    if upload.multipart_id:
        return upload, None
    put = await deps.blobs.sign_put(
        key_of(upload), content_type=content_type, size_bytes=size_bytes, sha256=sha256
    )
    return upload, put


async def finalize(
    author_id: UserId, draft: Draft, *, idempotency_key: str | None, deps: Deps
) -> Post:
    """Make uploads a post, exactly one however often it is asked."""
    digest = _digest(draft)
    await bind(idempotency_key, author_id, Request(digest), deps)
    uploads = await asyncio.gather(
        *(own_upload(author_id, media.media_id, deps) for media in draft.media)
    )
    if len({upload.media_id for upload in uploads}) < len(uploads):
        raise Rejected("invalid-request", "an upload can be in a post once only")
    post_id = await _claim_all(uploads, digest, deps)
    await asyncio.gather(*(deps.uploads.close(upload) for upload in uploads))
    standing = (await deps.posts.get([post_id])).get(post_id)
    if standing is None or len(standing.media) < standing.media_count:
        author = await deps.users.get(author_id)
        private = author is not None and author.private
        fanout = await stamp_of(post_id, author_id, deps)
        events = _finalized(
            post_id,
            author_id,
            draft,
            uploads,
            private=private,
            fanout=fanout,
            at_ms=deps.now_ms(),
        )
        await asyncio.gather(*(_append_finalized(event, deps) for event in events))
        standing = (await deps.posts.get([post_id]))[post_id]
    if standing.deleted:
        raise Rejected("upload-already-used", "this was a post, which is deleted")
    return standing


async def edit(
    author_id: UserId,
    post_id: PostId,
    *,
    caption: str | None,
    alt_texts: dict[MediaId, str],
    deps: Deps,
) -> Post:
    """Put other words to a post; what is None or absent stays as it is."""
    post = await _own_post(author_id, post_id, deps)
    _check_not_deleted(post)
    positions = {media.media_id: media.position for media in post.media}
    if unknown := alt_texts.keys() - positions.keys():
        raise Rejected("invalid-request", f"this post has no media {min(unknown)}")
    event = PostEdited(
        post_id=post_id,
        author_id=author_id,
        caption=caption,
        alt_texts=[AltText(positions[media_id], text) for media_id, text in alt_texts.items()],
        at_ms=deps.now_ms(),
    )
    await record_edited(await deps.log.append(event), deps)
    edited = (await deps.posts.get([post_id]))[post_id]
    _check_not_deleted(edited)  # meanwhile
    return edited


def _check_not_deleted(post: Post) -> None:
    if post.deleted:
        raise Rejected("post-not-found", f"there is no post {post.post_id}")


async def delete(author_id: UserId, post_id: PostId, deps: Deps) -> None:
    """Take a post back, for good; deleting it again changes nothing."""
    post = await _own_post(author_id, post_id, deps)
    if not post.deleted:
        event = PostDeleted(post_id=post_id, author_id=author_id, at_ms=deps.now_ms())
        await record_deleted(await deps.log.append(event), deps)


async def _own_post(author_id: UserId, post_id: PostId, deps: Deps) -> Post:
    post = (await deps.posts.get([post_id])).get(post_id)
    if post is None or post.author_id != author_id:
        post = await find_post(post_id, author_id, deps)
    if post.author_id != author_id:
        raise Rejected("not-your-post", "only its author can change a post")
    return post


def _finalized(
    post_id: PostId,
    author_id: UserId,
    draft: Draft,
    uploads: list[Upload],
    *,
    private: bool,
    fanout: Fanout,
    at_ms: int,
) -> list[UploadFinalized]:
    return [
        UploadFinalized(
            media_id=upload.media_id,
            post_id=post_id,
            author_id=author_id,
            content_type=upload.content_type,
            size_bytes=upload.size_bytes,
            caption=draft.caption,
            alt_text=media.alt_text,
            position=position,
            media_count=len(uploads),
            private=private,
            fanout=fanout,
            like_shards=LIKE_SHARDS_PULLED if fanout == "pull" else 1,
            at_ms=at_ms,
        )
        for position, (media, upload) in enumerate(zip(draft.media, uploads, strict=True))
    ]


async def _append_finalized(event: UploadFinalized, deps: Deps) -> None:
    await record_finalized(await deps.log.append(event), deps)


def _digest(draft: Draft) -> str:
    """The same for the same words, also in later versions of this code."""
    media = [[media.media_id, media.alt_text] for media in draft.media]
    words = msgspec.json.encode([draft.caption, media])
    return blake2b(words, digest_size=16).hexdigest()


async def _claim_all(uploads: list[Upload], digest: str, deps: Deps) -> PostId:
    """The id of the post that these uploads belong to, from now on if not before.

    Everything is checked before the first claim: what can be refused claims nothing. The first
    claim decides the id, also for the same request at the same moment: the rest come after it.
    """
    await asyncio.gather(*(_check_claimable(upload, digest, deps) for upload in uploads))
    claims = (upload.claim for upload in uploads if upload.claim)
    claim = next(claims, None) or Claim(PostId(await deps.ids.mint()), digest)
    for upload in uploads:
        claim = upload.claim or await deps.uploads.claim(upload, claim)
        _check_claim(claim, digest)
    return claim.post_id


async def _check_claimable(upload: Upload, digest: str, deps: Deps) -> None:
    if upload.claim is None:
        check_arrived(upload, await deps.blobs.head(key_of(upload)), now_ms=deps.now_ms())
    else:
        _check_claim(upload.claim, digest)


def _check_claim(claim: Claim, digest: str) -> None:
    check_not_aborted(claim)
    if claim.request_digest != digest:
        raise Rejected("upload-already-used", "this upload is a post already, with other words")
