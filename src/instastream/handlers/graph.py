"""Who there is, and who follows, blocks and mutes whom; whoever keeps it in memory is told."""

from instastream.deps import Deps, version_of_record
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
from instastream.ids import UserId
from instastream.relations import WallEvent, edge_of, wall_of
from instastream.stores.changes import Change


async def record_joined(record: Record[UserJoined], deps: Deps) -> list[Event]:
    """The user has a profile."""
    await deps.users.record_joined(record.event)
    await _tell(deps, record.event.user_id)
    return []


async def record_changed(record: Record[ProfileChanged], deps: Deps) -> list[Event]:
    """The profile says whether the account is private."""
    version = await version_of_record(record, deps)
    await deps.users.record_changed(record.event, version=version)
    await _tell(deps, record.event.user_id)
    return []


async def record_edge(record: Record[EdgeEvent], deps: Deps) -> list[Event]:
    """The edge is in the graph, asked for, or gone."""
    epoch = await deps.epochs.of(EdgeEvent.topic)
    await deps.graph.record_edge(edge_of(record, epoch=epoch))
    await _tell(deps, record.event.follower_id)
    return []


async def record_wall(record: Record[WallEvent], deps: Deps) -> list[Event]:
    """The block or mute stands, or is gone."""
    wall = wall_of(record, epoch=await deps.epochs.of(record.event.topic))
    await deps.graph.record_wall(wall)
    await _tell(deps, wall.user_id, wall.other_id)
    return []


async def _tell(deps: Deps, *user_ids: UserId) -> None:
    await deps.changes.tell(*(Change("user", user_id) for user_id in user_ids))


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
