"""Comments in memory, for unit and flow tests."""

from collections.abc import Collection
from dataclasses import dataclass, field

from instastream.comments import CommentAdded, CommentDeleted, CommentEdited
from instastream.ids import CommentId
from instastream.stores.comments import Comment, Order


@dataclass
class MemoryComments:
    """Comments by the events that made them."""

    added: dict[CommentId, CommentAdded] = field(default_factory=dict)
    edited: dict[CommentId, tuple[int, CommentEdited]] = field(default_factory=dict)
    deleted: set[CommentId] = field(default_factory=set)

    async def record_added(self, event: CommentAdded) -> None:
        self.added.setdefault(event.comment_id, event)

    async def record_edited(self, event: CommentEdited, *, version: int) -> None:
        standing = self.edited.get(event.comment_id)
        if standing is None or standing[0] < version:
            self.edited[event.comment_id] = version, event

    async def record_deleted(self, event: CommentDeleted) -> None:
        self.deleted.add(event.comment_id)

    async def get(self, comment_ids: Collection[CommentId]) -> dict[CommentId, Comment]:
        return {i: self._comment(self.added[i]) for i in comment_ids if i in self.added}

    async def thread(
        self, thread_id: str, *, order: Order, after: CommentId | None, limit: int
    ) -> list[Comment]:
        stand = [one for one in self.added.values() if one.thread_id == thread_id]
        stand.sort(key=_place, reverse=order == "newest")
        if after is not None:
            ids = [one.comment_id for one in stand]
            stand = stand[ids.index(after) + 1 :] if after in ids else []
        return [self._comment(event) for event in stand[:limit]]

    def _comment(self, event: CommentAdded) -> Comment:
        _, edit = self.edited.get(event.comment_id, (0, None))
        said = edit or event
        deleted = event.comment_id in self.deleted
        return Comment(
            comment_id=event.comment_id,
            post_id=event.post_id,
            reply_to=event.reply_to,
            bucket=event.bucket,
            author_id=event.author_id,
            text="" if deleted else said.text,
            mentions=[] if deleted else said.mentions,
            edited_ms=edit.at_ms if edit else None,
            deleted=deleted,
        )


def _place(event: CommentAdded) -> tuple[int, CommentId]:
    return event.bucket, event.comment_id
