"""What clients may do about posts and comments that they see: like them, or no longer.

Each is said to the log whatever the counters hold: what is on its way there may not be in them
yet, and the log's order decides. What is shown to whoever said it is ahead of the counters.
"""

from contextlib import suppress

from instastream.access import find_comment
from instastream.counting import version_of
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.events import CommentLiked, CommentUnliked, PostLiked, PostUnliked
from instastream.ids import CommentId, LikeId, PostId, UserId
from instastream.likes import LikeEvent
from instastream.pacing import pace
from instastream.reading.finding import find_ready
from instastream.reading.known import Known
from instastream.stores.counts import Pending


async def like(user_id: UserId, post_id: PostId, known: Known, deps: Deps) -> None:
    """Like a post; raises Rejected("post-not-found") and Rejected("post-not-ready")."""
    post = await find_ready(post_id, user_id, known)
    event = PostLiked(
        user_id=user_id,
        post_id=post_id,
        like_id=LikeId(await deps.ids.mint()),
        shards=post.like_shards,
        at_ms=deps.now_ms(),
    )
    await _say(event, liked=True, known=known, deps=deps)


async def unlike(user_id: UserId, post_id: PostId, known: Known, deps: Deps) -> None:
    """Like a post no longer; raises as `like` does."""
    post = await find_ready(post_id, user_id, known)
    event = PostUnliked(
        user_id=user_id, post_id=post_id, shards=post.like_shards, at_ms=deps.now_ms()
    )
    await _say(event, liked=False, known=known, deps=deps)


async def like_comment(
    user_id: UserId, post_id: PostId, comment_id: CommentId, known: Known, deps: Deps
) -> None:
    """Like a comment on a post; raises as `like` does, and Rejected("comment-not-found")."""
    await _check_comment(user_id, post_id, comment_id, known, deps)
    event = CommentLiked(
        user_id=user_id,
        comment_id=comment_id,
        post_id=post_id,
        like_id=LikeId(await deps.ids.mint()),
        at_ms=deps.now_ms(),
    )
    await _say(event, liked=True, known=known, deps=deps)


async def unlike_comment(
    user_id: UserId, post_id: PostId, comment_id: CommentId, known: Known, deps: Deps
) -> None:
    """Like a comment no longer; raises as `like_comment` does."""
    await _check_comment(user_id, post_id, comment_id, known, deps)
    event = CommentUnliked(
        user_id=user_id, comment_id=comment_id, post_id=post_id, at_ms=deps.now_ms()
    )
    await _say(event, liked=False, known=known, deps=deps)


async def _check_comment(
    user_id: UserId, post_id: PostId, comment_id: CommentId, known: Known, deps: Deps
) -> None:
    """Raise Rejected unless a user sees this comment on this post."""
    await find_ready(post_id, user_id, known)
    await find_comment(post_id, comment_id, user_id, deps)


async def _say(event: LikeEvent, *, liked: bool, known: Known, deps: Deps) -> None:
    """It is in the log, and whoever said it sees it; by this process alone, if Redis has no note.

    The epoch is asked for first: without it nothing could be noted of what is said already.
    """
    await pace("likes", event.user_id, deps)
    if not liked:
        await pace("unlikes", event.user_id, deps)
    epoch = await deps.epochs.of(event.topic)
    record = await deps.log.append(event)
    pending = Pending(
        subject_id=event.subject_id,
        shards=event.shards,
        liked=liked,
        version=version_of(epoch=epoch, offset=record.offset),
    )
    known.said.add(event.user_id, pending)
    with suppress(Unavailable):  # it stands
        await deps.counts.expect(event.user_id, pending)
