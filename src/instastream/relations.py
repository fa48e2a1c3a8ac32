"""Who is what to whom, as the log tells it: edges of the graph, walls in it, and both of a reader.

An edge goes from a follower to a followee. A wall stands between two: a block or a mute.
"""

from collections.abc import Set
from typing import Literal, TypeAlias

from msgspec import Struct

from instastream.counting import EPOCH_BITS, version_of
from instastream.events import (
    FollowApproved,
    FollowDenied,
    FollowRequested,
    Record,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnfollowed,
)
from instastream.follows import BlockEvent, EdgeEvent, MuteEvent
from instastream.ids import UserId

WallEvent: TypeAlias = BlockEvent | MuteEvent

EdgeState = Literal["follows", "requested", "none"]
WallKind = Literal["blocks", "mutes"]

STATES: dict[type[EdgeEvent], EdgeState] = {
    UserFollowed: "follows",
    FollowApproved: "follows",
    FollowRequested: "requested",
    UserUnfollowed: "none",
    FollowDenied: "none",
}
VERSIONS = 3  # of each place in the log: what was said there, its approval, its denial


class Edge(Struct, frozen=True, kw_only=True):
    """What an event says of an edge; of two events the one with the larger version is right.

    Versions come from places in the log, so events may be applied in any order, any number of
    times. An answer stands right behind the request it answers: whatever was said after the
    request is larger. A denial is larger than an approval of the same request. Where the topic
    was made anew since, nobody knows any more where the request was: it stands where it was said.
    """

    follower_id: UserId
    followee_id: UserId
    state: EdgeState
    version: int

    @property
    def place(self) -> int:
        """Where in the log the edge was last spoken of; a request's is what its answer names."""
        return self.version // VERSIONS


class Wall(Struct, frozen=True, kw_only=True):
    """What an event says of a wall: the event with the larger version is right."""

    user_id: UserId  # who put it up or took it down
    other_id: UserId
    kind: WallKind
    stands: bool
    version: int


class Relations(Struct, frozen=True, kw_only=True):
    """What a reader is to others, as far as it decides what they see."""

    following: Set[UserId] = frozenset()
    requested: Set[UserId] = frozenset()
    blocks: Set[UserId] = frozenset()
    blocked_by: Set[UserId] = frozenset()
    mutes: Set[UserId] = frozenset()


def edge_of(record: Record[EdgeEvent], *, epoch: int) -> Edge:
    """What an event says of its edge; `epoch` is that of the topic."""
    event, place = record.event, version_of(epoch=epoch, offset=record.offset) - 1
    match event:
        case FollowApproved():
            version = _asked_at(event, place, epoch) * VERSIONS + 1
        case FollowDenied():
            version = _asked_at(event, place, epoch) * VERSIONS + 2
        case _:
            version = place * VERSIONS
    return Edge(
        follower_id=event.follower_id,
        followee_id=event.followee_id,
        state=STATES[type(event)],
        version=version,
    )


def _asked_at(answer: FollowApproved | FollowDenied, place: int, epoch: int) -> int:
    """The place of what an event at a place answers; its own, where that was in another epoch."""
    return answer.request if answer.request >> EPOCH_BITS == epoch else place


def wall_of(record: Record[WallEvent], *, epoch: int) -> Wall:
    """What an event says of its wall; `epoch` is that of the topic."""
    event = record.event
    if isinstance(event, BlockEvent):
        user_id, other_id = event.blocker_id, event.blocked_id
    else:
        user_id, other_id = event.muter_id, event.muted_id
    return Wall(
        user_id=user_id,
        other_id=other_id,
        kind="blocks" if isinstance(event, BlockEvent) else "mutes",
        stands=isinstance(event, UserBlocked | UserMuted),
        version=version_of(epoch=epoch, offset=record.offset),
    )
