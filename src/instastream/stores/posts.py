"""Posts and timelines: a projection of `uploads` and `media`."""

from typing import Literal, Protocol

from msgspec import Struct

from instastream.events import MediaFailed, MediaReady, UploadFinalized, Variant
from instastream.ids import PostId, UserId, minted_ms

Status = Literal["processing", "ready", "failed"]


class Failure(Struct, frozen=True):
    """Why a post's media can't be rendered: a stable slug and a sentence for its owner."""

    reason: str
    detail: str


class Post(Struct, frozen=True, kw_only=True):
    """A post as its projection knows it now."""

    post_id: PostId
    author_id: UserId
    caption: str
    alt_text: str
    variants: list[Variant] = []
    failure: Failure | None = None

    @property
    def status(self) -> Status:
        """Derived, so that events may arrive in any order: once ready, always ready."""
        if self.variants:
            return "ready"
        return "failed" if self.failure else "processing"

    @property
    def created_ms(self) -> int:
        """When it was finalized, in Unix milliseconds."""
        return minted_ms(self.post_id)


class Posts(Protocol):
    """Every `record_` method is idempotent and may come in any order."""

    async def record_finalized(self, event: UploadFinalized) -> None:
        """The post exists, and stands in its author's timeline."""

    async def record_ready(self, event: MediaReady) -> None:
        """The post has its variants, and stands in its author's timeline."""

    async def record_failed(self, event: MediaFailed) -> None:
        """The post's media can't be rendered."""

    async def get(self, post_ids: list[PostId]) -> dict[PostId, Post]:
        """Many posts in one batch; ids without a finalized post are absent."""

    async def timeline(self, author_id: UserId, *, before: PostId, limit: int) -> list[PostId]:
        """An author's newest post ids, descending, all of them older than `before`."""
