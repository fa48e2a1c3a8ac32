"""What is said about posts: a projection of `comments`."""

from collections.abc import Collection
from typing import Literal, Protocol

from msgspec import Struct

from instastream.comments import CommentAdded, CommentDeleted, CommentEdited, Mention
from instastream.ids import CommentId, PostId, UserId, minted_ms

Order = Literal["newest", "oldest"]


class Comment(Struct, frozen=True, kw_only=True):
    """A comment as its projection knows it now."""

    comment_id: CommentId
    post_id: PostId
    reply_to: CommentId | None
    bucket: int
    author_id: UserId
    text: str
    mentions: list[Mention]
    edited_ms: int | None = None
    deleted: bool = False

    @property
    def thread_id(self) -> str:
        """What it stands under."""
        return self.reply_to or self.post_id

    @property
    def created_ms(self) -> int:
        """When it was added, in Unix milliseconds."""
        return minted_ms(self.comment_id)


class Comments(Protocol):
    """Comments in threads. Every `record_` method is idempotent and may come in any order."""

    async def record_added(self, event: CommentAdded) -> None:
        """The comment stands in its thread; one comment is always added by the same event."""

    async def record_edited(self, event: CommentEdited, *, version: int) -> None:
        """The comment has other words, unless those of a later version are there."""

    async def record_deleted(self, event: CommentDeleted) -> None:
        """The comment keeps its place, and has no words any more, whatever else comes."""

    async def get(self, comment_ids: Collection[CommentId]) -> dict[CommentId, Comment]:
        """Many comments, deleted ones too; what was never added is absent."""

    async def thread(
        self, thread_id: str, *, order: Order, after: CommentId | None, limit: int
    ) -> list[Comment]:
        """Up to `limit` comments of a thread, deleted ones too, that come after one (None: any).

        They are in order of their buckets, and in these by id. Short only where the thread ends;
        empty where the one that they come after was never added.
        """
