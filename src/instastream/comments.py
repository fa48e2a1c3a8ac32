"""What is said about posts, as events: those of one post have one key."""

import msgspec
from msgspec import Struct

from instastream.facts import Comment, Count, Event, Post, User, at_most
from instastream.limits import COMMENT_BUCKET_MAX


class Mention(Struct, frozen=True):
    """Someone whom a comment names, as `@username` in its text."""

    user_id: User
    username: str


class CommentEvent(Event, frozen=True, kw_only=True):
    """Something about a comment, and where it stands.

    A comment stands in a thread: under its post, or under the comment that it replies to. Threads
    are kept in buckets of some thousands: `bucket` is the one that was open when it was added.
    """

    topic = "comments"
    key_field = "post_id"

    comment_id: Comment
    post_id: Post
    reply_to: Comment | None = None
    bucket: Count = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_most(COMMENT_BUCKET_MAX, self.bucket, "bucket")

    @property
    def thread_id(self) -> str:
        """What it stands under."""
        return self.reply_to or self.post_id


class CommentAdded(CommentEvent, frozen=True, kw_only=True, tag="comment.added.v1"):
    """`author_id` said something about a post, or replied to who did."""

    author_id: User
    text: str
    mentions: list[Mention] = msgspec.field(default_factory=list)


class CommentEdited(CommentEvent, frozen=True, kw_only=True, tag="comment.edited.v1"):
    """Its author put other words to a comment."""

    text: str
    mentions: list[Mention] = msgspec.field(default_factory=list)


class CommentDeleted(CommentEvent, frozen=True, kw_only=True, tag="comment.deleted.v1"):
    """`deleted_by`, its author or the post's, took a comment away, for good."""

    deleted_by: User
