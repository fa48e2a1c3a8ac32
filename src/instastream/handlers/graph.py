"""Who there is, and who follows, blocks and mutes whom."""

from instastream.deps import Deps
from instastream.events import (
    Event,
    FollowApproved,
    FollowDenied,
    FollowRequested,
    ProfileChanged,
    Record,
    UserBlocked,
    UserFollowed,
    UserJoined,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from instastream.follows import EdgeEvent
from instastream.handlers.table import Handlers
from instastream.relations import WallEvent, edge_of, wall_of


async def record_joined(record: Record[UserJoined], deps: Deps) -> list[Event]:
    """The user has a profile."""
    await deps.users.record_joined(record.event)
    return []


async def record_changed(record: Record[ProfileChanged], deps: Deps) -> list[Event]:
    """The profile says whether the account is private."""
    await deps.users.record_changed(record)
    return []


async def record_edge(record: Record[EdgeEvent], deps: Deps) -> list[Event]:
    """The edge is in the graph, asked for, or gone."""
    await deps.graph.record_edge(edge_of(record))
    return []


async def record_wall(record: Record[WallEvent], deps: Deps) -> list[Event]:
    """The block or mute stands, or is gone."""
    await deps.graph.record_wall(wall_of(record))
    return []


GRAPH: Handlers = {
    UserJoined: record_joined,
    ProfileChanged: record_changed,
    UserFollowed: record_edge,
    UserUnfollowed: record_edge,
    FollowRequested: record_edge,
    FollowApproved: record_edge,
    FollowDenied: record_edge,
    UserBlocked: record_wall,
    UserUnblocked: record_wall,
    UserMuted: record_wall,
    UserUnmuted: record_wall,
}
