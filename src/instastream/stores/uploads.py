"""Uploads on their way to becoming posts: what was declared, and which post claimed it."""

from typing import Protocol

from msgspec import Struct

from instastream.ids import MediaId, PostId, UserId


class Claim(Struct, frozen=True):
    """The one post that a media belongs to, and the digest of the request that said so."""

    post_id: PostId
    request_digest: str


ABORTED = Claim(PostId("0"), "aborted")  # no post: an upload that its owner took back


class Upload(Struct, frozen=True, kw_only=True):
    """What a client declared before it uploaded."""

    media_id: MediaId
    user_id: UserId
    content_type: str
    size_bytes: int
    sha256: str  # base64, as S3 spells checksums; of parts the composite one, with their number
    declared_ms: int
    multipart_id: str | None = None  # None: it arrives in one PUT
    claim: Claim | None = None


class Request(Struct, frozen=True):
    """What came with an Idempotency-Key, by digest, and what it is to lead to, also when repeated.

    `result` is whoever's it is to read; "" where something else decides it.
    """

    digest: str
    result: str = ""


class Uploads(Protocol):
    """Declared uploads; the conditional writes that make finalize exact."""

    async def declare(self, upload: Upload) -> None:
        """Keep what was declared, for `DECLARED_KEPT_S` unless a post claims it."""

    async def get(self, media_id: MediaId) -> Upload | None:
        """What was declared, or None."""

    async def claim(self, upload: Upload, claim: Claim) -> Claim:
        """Claim what was declared for a post, or ABORTED, once; returns the claim that stands.

        What a post claims is kept for good; what was aborted, or is kept no more, is ABORTED.
        """

    async def remember(self, *, user_id: UserId, key: str, request: Request) -> Request:
        """Bind an Idempotency-Key to a request for a day; returns the one that stands."""

    async def recall(self, *, user_id: UserId, key: str) -> Request | None:
        """The request that a key is bound to; None where it isn't, or is being bound just now."""

    async def open(self, upload: Upload, *, until_ms: int) -> None:
        """Count it among those that its user has open, until then at most."""

    async def close(self, upload: Upload) -> None:
        """Count it no more; nothing happens when it is not counted."""

    async def opened(self, user_id: UserId, *, now_ms: int) -> dict[MediaId, int]:
        """Until when each is open, of those that are; sees all that was written before."""

    async def last_swept(self, what: str) -> str:
        """The place that sweeps of something have come to, "" at its beginning: only a hint."""

    async def record_swept(self, what: str, place: str) -> None:
        """Have the next sweep of it go on there."""
