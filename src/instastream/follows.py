"""Who follows, blocks and mutes whom, as events: those of one edge or wall have one key."""

from instastream.facts import Count, Event, User


class EdgeEvent(Event, frozen=True, kw_only=True):
    """Something about whether `follower_id` follows `followee_id`."""

    topic = "graph"
    key_field = "follower_id"

    follower_id: User
    followee_id: User


class UserFollowed(EdgeEvent, frozen=True, kw_only=True, tag="user.followed.v1"):
    """`follower_id` wants to see what `followee_id` posts."""


class UserUnfollowed(EdgeEvent, frozen=True, kw_only=True, tag="user.unfollowed.v1"):
    """`follower_id` no longer follows, nor asks to follow, `followee_id`, whoever wanted that."""


class FollowRequested(EdgeEvent, frozen=True, kw_only=True, tag="follow.requested.v1"):
    """`follower_id` asks to see what `followee_id`, whose account is private, posts."""


class FollowApproved(EdgeEvent, frozen=True, kw_only=True, tag="follow.approved.v1"):
    """`followee_id` lets `follower_id` follow; `request` says where in the log the request is."""

    request: Count  # its offset, and 2^44 for each epoch of the topic that was before


class FollowDenied(EdgeEvent, frozen=True, kw_only=True, tag="follow.denied.v1"):
    """`followee_id` does not let `follower_id` follow; `request` as in FollowApproved."""

    request: Count


class BlockEvent(Event, frozen=True, kw_only=True):
    """Something about whether `blocker_id` blocks `blocked_id`."""

    topic = "graph"
    key_field = "blocker_id"

    blocker_id: User
    blocked_id: User


class UserBlocked(BlockEvent, frozen=True, kw_only=True, tag="user.blocked.v1"):
    """`blocker_id` and `blocked_id` see nothing of each other."""


class UserUnblocked(BlockEvent, frozen=True, kw_only=True, tag="user.unblocked.v1"):
    """`blocker_id` takes a block back; who followed whom before it does not come back."""


class MuteEvent(Event, frozen=True, kw_only=True):
    """Something about whether `muter_id` mutes `muted_id`, who never learns of it."""

    topic = "graph"
    key_field = "muter_id"

    muter_id: User
    muted_id: User


class UserMuted(MuteEvent, frozen=True, kw_only=True, tag="user.muted.v1"):
    """`muter_id` wants nothing of `muted_id` in their feed."""


class UserUnmuted(MuteEvent, frozen=True, kw_only=True, tag="user.unmuted.v1"):
    """`muter_id` wants to see `muted_id` in their feed again."""
