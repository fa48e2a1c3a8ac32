"""Posts and timelines: a projection of `uploads`, `media` and `posts`."""

from typing import Literal, Protocol

from msgspec import Struct

from instastream.events import (
    Fanout,
    MediaFailed,
    MediaReady,
    PostDeleted,
    PostEdited,
    UploadFinalized,
)
from instastream.ids import OLDEST, MediaId, PostId, UserId, minted_ms
from instastream.media import Outcome

Status = Literal["processing", "ready", "failed", "deleted"]


class Failure(Struct, frozen=True):
    """Why a media can't be rendered: a stable slug and a sentence for its owner."""

    reason: str
    detail: str


class Media(Struct, frozen=True, kw_only=True):
    """One media of a post, as far as its projection knows."""

    position: int
    media_id: MediaId
    content_type: str  # as declared
    alt_text: str
    rendered: Outcome | None = None
    failure: Failure | None = None


class Post(Struct, frozen=True, kw_only=True):
    """A post as its projection knows it now."""

    post_id: PostId
    author_id: UserId
    caption: str
    media: list[Media]  # in their order, without those that are not finalized yet
    media_count: int
    fanout: Fanout = "push"
    like_shards: int = 1  # that its likes are counted in
    deleted: bool = False

    @property
    def status(self) -> Status:
        """Derived, so that events may arrive in any order: once ready, ready until deleted."""
        if self.deleted:
            return "deleted"
        if sum(media.rendered is not None for media in self.media) == self.media_count:
            return "ready"
        return "failed" if self.failure else "processing"

    @property
    def failure(self) -> Failure | None:
        """Of the first media that can't be rendered."""
        failures = (media.failure for media in self.media if not media.rendered)
        return next(filter(None, failures), None)

    @property
    def created_ms(self) -> int:
        """When it was finalized, in Unix milliseconds."""
        return minted_ms(self.post_id)


class Posts(Protocol):
    """Every `record_` method is idempotent and may come in any order."""

    async def record_finalized(self, event: UploadFinalized) -> None:
        """The post has this media, and stands in its author's timeline."""

    async def record_ready(self, event: MediaReady) -> None:
        """The media has its variants, and the post stands in its author's timeline."""

    async def record_failed(self, event: MediaFailed) -> None:
        """The media can't be rendered."""

    async def record_edited(self, event: PostEdited, *, version: int) -> None:
        """The post has other words, unless those of a later version are there."""

    async def record_deleted(self, event: PostDeleted) -> None:
        """The post is deleted, and in no timeline."""

    async def record_celebrity(self, author_id: UserId) -> None:
        """Some of an author's posts are pulled, now and for ever."""

    async def celebrities(self) -> list[UserId]:
        """Every author some of whose posts are pulled."""

    async def get(self, post_ids: list[PostId]) -> dict[PostId, Post]:
        """Many posts in one batch; ids without a finalized post are absent."""

    async def all_ready(
        self, post_id: PostId, media_count: int, *, even_deleted: bool = False
    ) -> bool:
        """Whether so many of a post's media are ready, finalized here or not.

        A post that is deleted is not ready, unless asked for `even_deleted`.
        """

    async def ids_after(self, place: str, *, limit: int) -> list[PostId]:
        """Of all posts the first ids that come after one, or "", in an order of the store's own.

        Some may be of no finalized post.
        """

    async def timeline(
        self, author_id: UserId, *, before: PostId, limit: int, above: PostId = OLDEST
    ) -> list[PostId]:
        """An author's newest post ids, descending, all of them between `above` and `before`."""
