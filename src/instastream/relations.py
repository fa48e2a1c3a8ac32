"""Who is what to whom, as the log tells it: edges of the graph, walls in it, and both of a reader.

An edge goes from a follower to a followee. A wall stands between two: a block or a mute.
"""

from collections.abc import Set
from typing import Literal, TypeAlias

from msgspec import Struct

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
PLACES = 3  # of versions at one offset: what was said there, its approval, its denial


class Edge(Struct, frozen=True, kw_only=True):
    """What an event says of an edge; of two events the one with the larger version is right.

    Versions come from places in the log, so events may be applied in any order, any number of
    times. An answer stands right behind the request it answers: whatever was said after the
    request is larger. A denial is larger than an approval of the same request.
    """

    follower_id: UserId
    followee_id: UserId
    state: EdgeState
    version: int

    @property
    def offset(self) -> int:
        """Where in the log the edge was last spoken of; a request's is what its answer names."""
        return self.version // PLACES


class Wall(Struct, frozen=True, kw_only=True):
    """What an event says of a wall: the event with the larger offset is right."""

    user_id: UserId  # who put it up or took it down
    other_id: UserId
    kind: WallKind
    stands: bool
    offset: int


class Relations(Struct, frozen=True, kw_only=True):
    """What a reader is to others, as far as it decides what they see."""

    following: Set[UserId] = frozenset()
    requested: Set[UserId] = frozenset()
    blocks: Set[UserId] = frozenset()
    blocked_by: Set[UserId] = frozenset()
    mutes: Set[UserId] = frozenset()


def edge_of(record: Record[EdgeEvent]) -> Edge:
    """What an event says of its edge."""
    event = record.event
    match event:
        case FollowApproved():
            version = event.request * PLACES + 1
        case FollowDenied():
            version = event.request * PLACES + 2
        case _:
            version = record.offset * PLACES
    return Edge(
        follower_id=event.follower_id,
        followee_id=event.followee_id,
        state=STATES[type(event)],
        version=version,
    )


def wall_of(record: Record[WallEvent]) -> Wall:
    """What an event says of its wall."""
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
        offset=record.offset,
    )
