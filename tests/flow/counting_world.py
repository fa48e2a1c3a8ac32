"""A post with likes, a comment and a reply, counted; and how it may be miscounted."""

from itertools import count

from msgspec.structs import replace

from instastream.deps import Deps
from instastream.events import CommentAdded, CommentDeleted, Event, PostLiked, PostUnliked, Record
from instastream.handlers.engagement import ENGAGEMENT
from instastream.ids import CommentId, LikeId, PostId, UserId, compose
from instastream.stores.counters import Place
from instastream.stores.memory_counters import MemoryCounters

_minted = count()


def new_id() -> str:
    return compose(at_ms=1_795_000_000_000, worker=0, sequence=next(_minted))


POST, COMMENT, REPLY = PostId(new_id()), CommentId(new_id()), CommentId(new_id())
ADA, BOB, CLEO = (UserId(new_id()) for _ in range(3))


def liked(user: UserId, *, shards: int = 1) -> PostLiked:
    return PostLiked(post_id=POST, user_id=user, shards=shards, like_id=LikeId(new_id()), at_ms=5)


def unliked(user: UserId, *, shards: int = 1) -> PostUnliked:
    return PostUnliked(post_id=POST, user_id=user, shards=shards, at_ms=6)


def said(comment_id: CommentId, reply_to: CommentId | None = None) -> CommentAdded:
    return CommentAdded(
        comment_id=comment_id, post_id=POST, reply_to=reply_to, author_id=ADA, text="so", at_ms=7
    )


HISTORY = [
    liked(ADA),
    liked(BOB),
    unliked(ADA),
    liked(CLEO),
    said(COMMENT),
    said(REPLY, COMMENT),
    CommentDeleted(comment_id=REPLY, post_id=POST, reply_to=COMMENT, deleted_by=ADA, at_ms=8),
]


async def happen(deps: Deps, *events: Event) -> None:
    """They are in the log, and counted."""
    for event in events:
        record: Record[Event] = await deps.log.append(event)
        await ENGAGEMENT[event.topic]([record], deps)


def memory(deps: Deps) -> MemoryCounters:
    assert isinstance(deps.likes, MemoryCounters)
    return deps.likes


async def miscount(deps: Deps, *, says: int) -> None:
    """The post says a wrong number of likes, here and where it is shown."""
    counted = memory(deps).counted
    counted[Place(POST)] = replace(counted[Place(POST)], count=says)
    await deps.counts.publish("likes", (await deps.likes.totals({POST: 1})).values())
