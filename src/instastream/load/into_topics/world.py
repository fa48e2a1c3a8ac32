"""All of an invented world: people, their posts, and what is said about these."""

from random import Random

from instastream.comments import Mention
from instastream.events import (
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    CommentLiked,
    CommentUnliked,
)
from instastream.ids import CommentId, LikeId, Mint, UserId
from instastream.load.into_topics.crowd import Comment, Lately
from instastream.load.into_topics.people import Happening, username_of
from instastream.load.into_topics.posting import Posting

MENTIONED = 0.05  # of comments


class World(Posting):
    """What can happen, by name; each says it in events at `now_ms`."""

    def __init__(self, random: Random, mint: Mint, *, zipf: float, celebrities: int) -> None:
        super().__init__(random, mint, zipf=zipf, celebrities=celebrities)
        self._comments: Lately[Comment] = Lately(random)
        self._liked_comments: Lately[tuple[UserId, Comment]] = Lately(random)

    def comment(self) -> Happening:
        """Someone says something about a popular post."""
        return self._say(None)

    def reply(self) -> Happening:
        """Someone says something to who did."""
        if not self._comments:
            return self.comment()
        comment = self._comments.any()
        return self.comment() if comment.reply_to or comment.post.deleted else self._say(comment)

    def _say(self, reply_to: Comment | None) -> Happening:
        if not self._posts.all:
            return self.post()
        post = reply_to.post if reply_to else self._posts.popular()
        comment = Comment(CommentId(self._id()), self._users.any(), post, reply_to)
        self._comments.add(comment)
        text, mentions = self._text()
        return (
            CommentAdded(
                comment_id=comment.comment_id,
                post_id=post.post_id,
                reply_to=comment.reply_to,
                bucket=comment.bucket,
                author_id=comment.author_id,
                text=text,
                mentions=mentions,
                at_ms=self.now_ms,
            ),
        )

    def edit_comment(self) -> Happening:
        """Its author finds other words."""
        if not self._comments:
            return self.comment()
        comment = self._comments.any()
        if comment.post.deleted:
            return self.comment()
        text, mentions = self._text()
        return (
            CommentEdited(
                comment_id=comment.comment_id,
                post_id=comment.post.post_id,
                reply_to=comment.reply_to,
                bucket=comment.bucket,
                text=text,
                mentions=mentions,
                at_ms=self.now_ms,
            ),
        )

    def delete_comment(self) -> Happening:
        """Its author, or the post's, takes a comment away."""
        if not self._comments:
            return self.comment()
        comment = self._comments.take()
        own = self._random.random() < 0.5
        return (
            CommentDeleted(
                comment_id=comment.comment_id,
                post_id=comment.post.post_id,
                reply_to=comment.reply_to,
                bucket=comment.bucket,
                deleted_by=comment.author_id if own else comment.post.author_id,
                at_ms=self.now_ms,
            ),
        )

    def like_comment(self) -> Happening:
        """Someone likes what was said."""
        if not self._comments:
            return self.comment()
        user, comment = self._users.any(), self._comments.any()
        if comment.post.deleted:
            return self.comment()
        self._liked_comments.add((user, comment))
        return (
            CommentLiked(
                user_id=user,
                comment_id=comment.comment_id,
                post_id=comment.post.post_id,
                like_id=LikeId(self._id()),
                at_ms=self.now_ms,
            ),
        )

    def unlike_comment(self) -> Happening:
        """Who liked a comment no longer does."""
        if not self._liked_comments:
            return self.like_comment()
        user, comment = self._liked_comments.take()
        if comment.post.deleted:
            return self.like_comment()
        return (
            CommentUnliked(
                user_id=user,
                comment_id=comment.comment_id,
                post_id=comment.post.post_id,
                at_ms=self.now_ms,
            ),
        )

    def _text(self) -> tuple[str, list[Mention]]:
        text = self._words()
        if self._random.random() >= MENTIONED:
            return text, []
        named = Mention(user_id := self._users.popular(), username_of(user_id))
        return f"@{named.username} {text}", [named]
