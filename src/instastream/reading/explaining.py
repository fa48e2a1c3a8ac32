"""Why a post is in a feed, or is not: pure judgements on what was gathered before."""

from collections.abc import Sequence
from typing import Literal, TypeVar

from msgspec import Struct

from instastream.events import (
    Event,
    FollowDenied,
    MediaFailed,
    MediaReady,
    PostDeleted,
    ProfileChanged,
    Record,
    UploadFinalized,
    type_of,
)
from instastream.follows import BlockEvent, EdgeEvent, MuteEvent
from instastream.ids import PostId, UserId
from instastream.relations import EdgeState, Relations, WallEvent, WallKind, edge_of, wall_of
from instastream.stores.feeds import FeedState
from instastream.stores.posts import Post
from instastream.stores.users import User
from instastream.visibility import hindrance

Kind = Literal[
    "pushed",
    "pulled",
    "older",
    "cold",
    "rebuilding",
    "own",
    "no-such-user",
    "no-such-post",
    "not-recorded",
    "not-visible",
    "deleted",
    "failed",
    "processing",
    "blocks",
    "blocked-by",
    "muted",
    "private",
    "not-following",
    "requested",
    "denied",
    "unfollowed",
    "not-fanned-out",
]
Fact = TypeVar("Fact", bound=Event)

IN_FEED: dict[Kind, str] = {
    "pushed": "It was pushed to the reader's list, and is in it.",
    "pulled": "Its author has so many followers that it is read from their timeline.",
    "older": "It is older than what the list holds, and read from its author's timeline.",
    "cold": "The reader has no list, as nobody who has not read for long: a read makes it anew.",
    "rebuilding": "The reader's list is being made; until then timelines are read.",
}
NOT_IN_FEED: dict[Kind, str] = {
    "own": "A feed is of others: one's own posts are not in it.",
    "no-such-user": "There is no such reader.",
    "no-such-post": "There is no such post.",
    "not-recorded": "The log has it and the stores do not yet: a worker is behind.",
    "not-visible": "There is no such post, or it is not for this reader to see.",
    "deleted": "Its author deleted it.",
    "failed": "Its media can't be shown.",
    "processing": "Its media are not ready yet.",
    "blocks": "The reader blocks its author.",
    "blocked-by": "Its author blocks the reader.",
    "muted": "The reader mutes its author.",
    "private": "Its author's account is private, and the reader never asked to follow.",
    "not-following": "The reader does not follow its author.",
    "requested": "The reader asked to follow its author, who has not answered.",
    "denied": "Its author did not let the reader follow.",
    "unfollowed": "The reader follows its author no more.",
    "not-fanned-out": "It is ready, and not in the list yet: the `feeds` worker is behind.",
}
assert not IN_FEED.keys() & NOT_IN_FEED.keys()


class Facts(Struct, frozen=True, kw_only=True):
    """What the stores and the log know of one post and one reader."""

    reader_id: UserId
    reader: User | None
    post_id: PostId
    post: Post | None
    author: User | None  # of the post
    relations: Relations  # of the reader to the author
    state: FeedState | None  # of the reader's list
    is_celebrity: bool  # the author's timeline is read beside the list
    records: Sequence[Record[Event]]  # of each key in order
    epoch: int  # of `graph`


class Deciding(Struct, frozen=True):
    """An event, and where it stands in the log."""

    type: str
    topic: str
    partition: int
    offset: int
    at_ms: int


class Verdict(Struct, frozen=True, kw_only=True):
    """Why a post is in a feed or is not, in a sentence, and the event that decided it if known."""

    kind: Kind
    in_feed: bool
    why: str
    event: Deciding | None = None


def decide(facts: Facts) -> Verdict:
    """Of several reasons the first counts: who is what to whom, the post, the list."""
    post = facts.post
    if facts.reader is None:
        return _verdict("no-such-user")
    if post is None:
        media = _last(facts, MediaReady, MediaFailed, PostDeleted)
        return _verdict("not-recorded" if media else "no-such-post", media)
    if post.author_id == facts.reader_id:
        return _verdict("own", _last(facts, UploadFinalized))
    return _walled(facts, post) or _gone(facts, post) or _apart(facts, post) or _place(facts, post)


def reveal(verdict: Verdict, facts: Facts) -> Verdict:
    """What the reader may be told: who could not see the post learns nothing, nor of blocks."""
    post, author = facts.post, facts.author
    if verdict.kind == "own":
        return verdict
    if post is None or author is None or post.status not in ("ready", "deleted"):
        return _verdict("not-visible")
    if author.user_id in facts.relations.blocks and not author.private:
        return verdict
    if hindrance(facts.reader_id, author, facts.relations):
        return _verdict("not-visible")
    return verdict


def _walled(facts: Facts, post: Post) -> Verdict | None:
    author, reader = post.author_id, facts.reader_id
    if author in facts.relations.blocks:
        return _verdict("blocks", _wall(facts, reader, author, "blocks"))
    if author in facts.relations.blocked_by:
        return _verdict("blocked-by", _wall(facts, author, reader, "blocks"))
    return None


def _gone(facts: Facts, post: Post) -> Verdict | None:
    deletion = _last(facts, PostDeleted)
    if post.deleted:
        return _verdict("deleted", deletion)
    return _verdict("not-recorded", deletion) if deletion else None


def _apart(facts: Facts, post: Post) -> Verdict | None:
    """What lies between a reader and an author but walls."""
    said = _edge(facts, post.author_id)
    state = _state(facts.relations, post.author_id)
    if said and edge_of(said, epoch=facts.epoch).state != state:
        return _verdict("not-recorded", said)
    if state == "requested":
        return _verdict("requested", said)
    if state == "none":
        if ended := _ended(facts, post.author_id):
            denied = isinstance(ended.event, FollowDenied)
            return _verdict("denied" if denied else "unfollowed", ended)
        if facts.author and facts.author.private:
            return _verdict("private", _last(facts, ProfileChanged))
        return _verdict("not-following")
    if post.author_id in facts.relations.mutes:
        return _verdict("muted", _wall(facts, facts.reader_id, post.author_id, "mutes"))
    return None


def _place(facts: Facts, post: Post) -> Verdict:
    """Where a post of someone who is followed is, or what it waits for."""
    ready = _last(facts, MediaReady)
    if post.status == "failed":
        return _verdict("failed", _last(facts, MediaFailed))
    if post.status != "ready":
        told = {record.event.position for record in _all(facts, MediaReady)}
        if len(told) == post.media_count:
            return _verdict("not-recorded", ready)
        return _verdict("processing", _last(facts, UploadFinalized))
    state = facts.state
    if post.fanout == "pull":
        return _verdict("pulled", ready)
    if state is None:
        return _verdict("cold", ready)
    if state.building:
        return _verdict("rebuilding", ready)
    if post.post_id in state.post_ids:
        return _verdict("pushed", ready)
    if facts.is_celebrity:
        return _verdict("pulled", ready)
    if not state.post_ids or post.post_id < state.post_ids[-1]:
        return _verdict("older", ready)
    followed = _edge(facts, post.author_id)
    if followed and ready and followed.event.at_ms > ready.event.at_ms:
        return _verdict("not-fanned-out", followed)
    return _verdict("not-fanned-out", ready)


def _state(relations: Relations, author_id: UserId) -> EdgeState:
    if author_id in relations.following:
        return "follows"
    return "requested" if author_id in relations.requested else "none"


def _edge(facts: Facts, author_id: UserId) -> Record[EdgeEvent] | None:
    """What was said last of the reader and the author, as versions have it."""
    return next(reversed(_edges(facts, author_id)), None)


def _ended(facts: Facts, author_id: UserId) -> Record[EdgeEvent] | None:
    """What ended a follow or a request; None where there was none.

    Not what was said last: a block says of every edge that it ended, and nobody may learn from
    that when, or whether, they were blocked.
    """
    ended: Record[EdgeEvent] | None = None
    before: EdgeState = "none"
    for record in _edges(facts, author_id):
        state = edge_of(record, epoch=facts.epoch).state
        if state == "none" and before != "none":
            ended = record
        before = state
    return ended


def _edges(facts: Facts, author_id: UserId) -> list[Record[EdgeEvent]]:
    """Everything said of the reader and the author, the oldest first, as versions have it."""
    of_edge = [
        record
        for record in _all(facts, EdgeEvent)
        if (record.event.follower_id, record.event.followee_id) == (facts.reader_id, author_id)
    ]
    return sorted(of_edge, key=lambda record: edge_of(record, epoch=facts.epoch).version)


def _wall(
    facts: Facts, user_id: UserId, other_id: UserId, kind: WallKind
) -> Record[WallEvent] | None:
    walls: list[Record[WallEvent]] = [
        Record(event, record.partition, record.offset)
        for record in facts.records
        if isinstance(event := record.event, BlockEvent | MuteEvent)
    ]
    of_wall = [
        record
        for record in walls
        if ((wall := wall_of(record, epoch=facts.epoch)).user_id, wall.other_id, wall.kind)
        == (user_id, other_id, kind)
    ]
    return max(of_wall, key=lambda record: record.offset, default=None)


def _all(facts: Facts, kind: type[Fact]) -> list[Record[Fact]]:
    return [
        Record(record.event, record.partition, record.offset)
        for record in facts.records
        if isinstance(record.event, kind)
    ]


def _last(facts: Facts, *kinds: type[Fact]) -> Record[Fact] | None:
    found = [record for kind in kinds for record in _all(facts, kind)]
    return found[-1] if found else None


def _verdict(kind: Kind, record: Record[Fact] | None = None) -> Verdict:
    in_feed = kind in IN_FEED
    why = IN_FEED[kind] if in_feed else NOT_IN_FEED[kind]
    return Verdict(kind=kind, in_feed=in_feed, why=why, event=_deciding(record))


def _deciding(record: Record[Fact] | None) -> Deciding | None:
    if record is None:
        return None
    event = record.event
    return Deciding(type_of(type(event)), event.topic, record.partition, record.offset, event.at_ms)
