"""What clients may do in the graph: follow and ask to, let and not let follow, block and mute.

Each is said to the log whatever the projections hold, but what a private account was asked: what is
on its way there may not be in them yet. All are safe to repeat, and after an Unavailable the same
again completes it.
"""

from instastream.access import existing_user, no_such_user
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.events import (
    FollowApproved,
    FollowDenied,
    FollowRequested,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from instastream.follows import EdgeEvent
from instastream.handlers.graph import record_edge, record_wall
from instastream.ids import UserId
from instastream.limits import FOLLOWS_MAX, WALLS_MAX
from instastream.relations import Edge, EdgeState, Relations, WallEvent


async def follow(follower_id: UserId, followee_id: UserId, deps: Deps) -> EdgeState:
    """See what someone posts, or ask to where their account is private; returns which it is."""
    if follower_id == followee_id:
        raise Rejected("follow-yourself", "you can't follow yourself")
    followee = await existing_user(followee_id, deps)
    relations = await deps.graph.relations(follower_id)
    _refuse_walls(followee_id, relations)
    others = (relations.following | relations.requested) - {followee_id}
    if len(others) >= FOLLOWS_MAX:
        raise Rejected("too-many-follows", f"you follow {FOLLOWS_MAX} already: unfollow some")
    if not followee.private:
        await _follow(UserFollowed, follower_id, followee_id, deps)
        return "follows"
    if followee_id in relations.following:
        return "follows"
    if followee_id in relations.requested:
        return "requested"  # asked again behind an approval, the request would wait once more
    await _follow(FollowRequested, follower_id, followee_id, deps)
    return "requested"


async def _follow(
    kind: type[UserFollowed | FollowRequested],
    follower_id: UserId,
    followee_id: UserId,
    deps: Deps,
) -> None:
    """A block that came meanwhile is seen here, or its unfollow comes after this in the log."""
    await _say_edge(
        kind(follower_id=follower_id, followee_id=followee_id, at_ms=deps.now_ms()), deps
    )
    relations = await deps.graph.relations(follower_id, among={followee_id})
    if followee_id in relations.blocks | relations.blocked_by:
        await _unfollow(follower_id, followee_id, deps)
        _refuse_walls(followee_id, relations)


def _refuse_walls(followee_id: UserId, relations: Relations) -> None:
    """Whoever is blocked is not told so; whoever blocks knows."""
    if followee_id in relations.blocked_by:
        raise no_such_user(followee_id)
    if followee_id in relations.blocks:
        raise Rejected("user-blocked", "you block them: unblock them first")


async def unfollow(follower_id: UserId, followee_id: UserId, deps: Deps) -> None:
    """No longer see what someone posts, nor ask to."""
    await existing_user(followee_id, deps)
    await _unfollow(follower_id, followee_id, deps)


async def remove_follower(followee_id: UserId, follower_id: UserId, deps: Deps) -> None:
    """No longer let someone follow, who is not told."""
    await existing_user(follower_id, deps)
    await _unfollow(follower_id, followee_id, deps)


async def approve(followee_id: UserId, follower_id: UserId, deps: Deps) -> None:
    """Let someone follow who asks to; raises Rejected("request-not-found")."""
    edge = await _answer(FollowApproved, followee_id, follower_id, deps)
    if edge is None or edge.state != "follows":
        raise _no_request(follower_id)


async def deny(followee_id: UserId, follower_id: UserId, deps: Deps) -> None:
    """Do not let someone follow; raises Rejected("request-not-found") where they follow already."""
    edge = await _answer(FollowDenied, followee_id, follower_id, deps)
    if edge is not None and edge.state == "follows":
        raise _no_request(follower_id)


async def _answer(
    kind: type[FollowApproved | FollowDenied],
    followee_id: UserId,
    follower_id: UserId,
    deps: Deps,
) -> Edge | None:
    """Answer the request that waits, and the one that came while it was answered."""
    while True:
        edge = await deps.graph.edge(follower_id=follower_id, followee_id=followee_id)
        if edge is None or edge.state != "requested":
            return edge
        event = kind(
            follower_id=follower_id,
            followee_id=followee_id,
            request=edge.place,
            at_ms=deps.now_ms(),
        )
        await _say_edge(event, deps)


def _no_request(follower_id: UserId) -> Rejected:
    return Rejected("request-not-found", f"{follower_id} does not ask to follow you")


async def block(blocker_id: UserId, blocked_id: UserId, deps: Deps) -> None:
    """See nothing of each other from now on, and follow each other no longer.

    The block stands before edges end: a follow at the same moment sees it, or is ended by it.
    """
    if blocker_id == blocked_id:
        raise Rejected("block-yourself", "you can't block yourself")
    await existing_user(blocked_id, deps)
    others = (await deps.graph.relations(blocker_id)).blocks - {blocked_id}
    if len(others) >= WALLS_MAX:
        raise Rejected("too-many-blocks", f"you block {WALLS_MAX} already: unblock some")
    event = UserBlocked(blocker_id=blocker_id, blocked_id=blocked_id, at_ms=deps.now_ms())
    await _say_wall(event, deps)
    await _part(blocker_id, blocked_id, deps)


async def unblock(blocker_id: UserId, blocked_id: UserId, deps: Deps) -> None:
    """Let someone see and follow again; who followed whom before does not come back.

    The block may have been cut short, and is finished first: while it stands nobody follows anew.
    """
    await existing_user(blocked_id, deps)
    if blocked_id in (await deps.graph.relations(blocker_id, among={blocked_id})).blocks:
        await _part(blocker_id, blocked_id, deps)
    event = UserUnblocked(blocker_id=blocker_id, blocked_id=blocked_id, at_ms=deps.now_ms())
    await _say_wall(event, deps)


async def mute(muter_id: UserId, muted_id: UserId, deps: Deps) -> None:
    """See nothing of someone in the feed, who is not told."""
    if muter_id == muted_id:
        raise Rejected("mute-yourself", "you can't mute yourself")
    await existing_user(muted_id, deps)
    others = (await deps.graph.relations(muter_id)).mutes - {muted_id}
    if len(others) >= WALLS_MAX:
        raise Rejected("too-many-mutes", f"you mute {WALLS_MAX} already: unmute some")
    event = UserMuted(muter_id=muter_id, muted_id=muted_id, at_ms=deps.now_ms())
    await _say_wall(event, deps)


async def unmute(muter_id: UserId, muted_id: UserId, deps: Deps) -> None:
    """See someone in the feed again."""
    await existing_user(muted_id, deps)
    event = UserUnmuted(muter_id=muter_id, muted_id=muted_id, at_ms=deps.now_ms())
    await _say_wall(event, deps)


async def _part(one_id: UserId, other_id: UserId, deps: Deps) -> None:
    """Neither follows the other."""
    await _unfollow(one_id, other_id, deps)
    await _unfollow(other_id, one_id, deps)


async def _unfollow(follower_id: UserId, followee_id: UserId, deps: Deps) -> None:
    event = UserUnfollowed(follower_id=follower_id, followee_id=followee_id, at_ms=deps.now_ms())
    await _say_edge(event, deps)


async def _say_edge(event: EdgeEvent, deps: Deps) -> None:
    await record_edge(await deps.log.append(event), deps)


async def _say_wall(event: WallEvent, deps: Deps) -> None:
    await record_wall(await deps.log.append(event), deps)
