"""Who there is and who follows whom."""

from instastream.deps import Deps
from instastream.events import Event, Record, UserFollowed, UserJoined, UserUnfollowed
from instastream.handlers.table import Handlers


async def record_joined(record: Record[UserJoined], deps: Deps) -> list[Event]:
    """The user has a profile."""
    await deps.users.record_joined(record.event)
    return []


async def record_followed(record: Record[UserFollowed], deps: Deps) -> list[Event]:
    """The edge is in the graph."""
    event = record.event
    await deps.graph.record_followed(
        follower_id=event.follower_id, followee_id=event.followee_id, offset=record.offset
    )
    return []


async def record_unfollowed(record: Record[UserUnfollowed], deps: Deps) -> list[Event]:
    """The edge is out of the graph."""
    event = record.event
    await deps.graph.record_unfollowed(
        follower_id=event.follower_id, followee_id=event.followee_id, offset=record.offset
    )
    return []


GRAPH: Handlers = {
    UserJoined: record_joined,
    UserFollowed: record_followed,
    UserUnfollowed: record_unfollowed,
}
