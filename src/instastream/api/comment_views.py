"""What comments look like in JSON."""

from typing import Annotated

from msgspec import Meta, Struct

from instastream.api.fields import CommentsCursor, SnowflakeId, Timestamp, timestamp
from instastream.api.views import User, show_user
from instastream.reading import comments


class Mention(Struct, frozen=True):
    """Someone whom a text names as `@username`; that is what they were called then."""

    id: SnowflakeId
    username: str


class Comment(Struct, frozen=True, kw_only=True):
    """What someone said about a post. One that is deleted keeps the place of its replies."""

    id: SnowflakeId
    post_id: SnowflakeId
    reply_to: Annotated[SnowflakeId | None, Meta(description="The comment it replies to.")]
    author: Annotated[User | None, Meta(description="Null where it is deleted.")]
    text: Annotated[str | None, Meta(description="Null where it is deleted.")]
    mentions: list[Mention]
    created_at: Timestamp
    edited_at: Timestamp | None
    deleted: bool
    reply_count: Annotated[int, Meta(description="Replies that are not deleted.")]
    like_count: int
    liked: Annotated[bool, Meta(description="By whoever asks.")]
    as_of: Annotated[
        Timestamp | None,
        Meta(description="When something was counted last; null where nothing ever was."),
    ]


class Comments(Struct, frozen=True):
    """Some comments; `next_cursor` is null on the last page."""

    comments: list[Comment]
    next_cursor: CommentsCursor | None


def show_comment(shown: comments.Shown) -> Comment:
    """A comment as its viewer may see it."""
    comment, numbers = shown.comment, shown.numbers
    return Comment(
        id=comment.comment_id,
        post_id=comment.post_id,
        reply_to=comment.reply_to,
        author=None if comment.deleted else show_user(shown.author),
        text=None if comment.deleted else comment.text,
        mentions=[Mention(one.user_id, one.username) for one in shown.mentions],
        created_at=timestamp(comment.created_ms),
        edited_at=None if comment.edited_ms is None else timestamp(comment.edited_ms),
        deleted=comment.deleted,
        reply_count=numbers.comments,
        like_count=numbers.likes,
        liked=numbers.liked,
        as_of=timestamp(numbers.at_ms) if numbers.at_ms else None,
    )
