"""Who likes what, as events: those of one shard of a post's or comment's likes have one key."""

from typing import Annotated
from zlib import crc32

from msgspec import Meta

from instastream.facts import Comment, Event, Like, Post, User, at_most
from instastream.limits import COMMENT_LIKE_SHARDS, LIKE_SHARDS_MAX

Shards = Annotated[int, Meta(ge=1, le=LIKE_SHARDS_MAX)]


def shard_of(user_id: str, shards: int) -> int:
    """Which of a post's shards someone's like is counted in."""
    return crc32(user_id.encode()) % shards


class LikeEvent(Event, frozen=True, kw_only=True):
    """Something about whether `user_id` likes something."""

    topic = "engagement"
    key_field = "shard_key"

    user_id: User
    shards: Shards = 1  # that the likes are counted in, as the post says

    @property
    def subject_id(self) -> str:
        """What is liked, or no longer."""
        raise NotImplementedError

    @property
    def shard(self) -> int:
        """Where it is counted."""
        return shard_of(self.user_id, self.shards)

    @property
    def shard_key(self) -> str:
        """Whatever is counted in one place has one writer."""
        return f"{self.subject_id}:{self.shard}"


class PostLikeEvent(LikeEvent, frozen=True, kw_only=True):
    """Something about whether `user_id` likes a post."""

    post_id: Post

    @property
    def subject_id(self) -> str:
        return self.post_id


class PostLiked(PostLikeEvent, frozen=True, kw_only=True, tag="post.liked.v1"):
    """`user_id` likes a post; likes are listed by `like_id`."""

    like_id: Like


class PostUnliked(PostLikeEvent, frozen=True, kw_only=True, tag="post.unliked.v1"):
    """`user_id` no longer likes a post."""


class CommentLikeEvent(LikeEvent, frozen=True, kw_only=True):
    """Something about whether `user_id` likes a comment: the likes of each have one shard."""

    comment_id: Comment
    post_id: Post

    def __post_init__(self) -> None:
        super().__post_init__()
        at_most(COMMENT_LIKE_SHARDS, self.shards, "shards")

    @property
    def subject_id(self) -> str:
        return self.comment_id


class CommentLiked(CommentLikeEvent, frozen=True, kw_only=True, tag="comment.liked.v1"):
    """`user_id` likes a comment; likes are listed by `like_id`."""

    like_id: Like


class CommentUnliked(CommentLikeEvent, frozen=True, kw_only=True, tag="comment.unliked.v1"):
    """`user_id` no longer likes a comment."""
