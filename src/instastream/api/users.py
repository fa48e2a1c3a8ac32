"""Users: join, look at one; follow, block and mute; who follows whom."""

from collections.abc import Awaitable, Callable
from typing import Literal

from msgspec import Struct

from instastream import accounts, graph, profiles
from instastream.api.addresses import pace_address
from instastream.api.fields import NewPassword, Username
from instastream.api.operations import NOTHING, Answer, Asked, Nothing, Operation
from instastream.api.pages import UsersQuery, after_of, answer_users
from instastream.api.people import change, done, listing, named
from instastream.api.views import Profile, Users, show_profile
from instastream.pacing import pace


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to join."""

    username: Username
    password: NewPassword


class FollowState(Struct, frozen=True):
    """Asked for: they follow once it is approved."""

    state: Literal["requested"]


async def join(asked: Asked[Nothing, NewUser]) -> Answer[Profile]:
    """A new user."""
    await pace_address("joins-by-address", asked)
    user = await accounts.join(asked.body.username, asked.body.password, asked.deps)
    profile = await profiles.look_at(user.user_id, user.user_id, asked.deps)
    return Answer(show_profile(profile), {"location": f"/v1/users/{user.user_id}"})


async def get(asked: Asked[Nothing, Nothing]) -> Answer[Profile]:
    """A profile: everyone may see it but those whom its owner blocks."""
    return Answer(show_profile(await profiles.look_at(named(asked), asked.viewer, asked.deps)))


async def follow(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """An edge from whoever asks, or a request for one."""
    other_id = named(asked)
    await pace("people", asked.viewer, asked.deps)
    state = await graph.follow(asked.viewer, other_id, asked.deps)
    return Answer(NOTHING, accepted=FollowState("requested") if state == "requested" else None)


async def unfollow(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """No edge from whoever asks, and no request."""
    return await done(graph.unfollow, asked)


async def block(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Neither sees the other."""
    return await done(graph.block, asked)


async def unblock(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """No block by whoever asks."""
    return await done(graph.unblock, asked)


async def mute(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """None of their posts in the feed of whoever asks."""
    return await done(graph.mute, asked)


async def unmute(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Their posts in the feed of whoever asks."""
    return await done(graph.unmute, asked)


async def followers(asked: Asked[UsersQuery, Nothing]) -> Answer[Users]:
    """Those who follow a user."""
    return await _listed("followers", profiles.followers, asked)


async def following(asked: Asked[UsersQuery, Nothing]) -> Answer[Users]:
    """Those whom a user follows."""
    return await _listed("following", profiles.followees, asked)


async def _listed(
    name: str,
    read: Callable[..., Awaitable[profiles.People]],
    asked: Asked[UsersQuery, Nothing],
) -> Answer[Users]:
    user_id = named(asked)
    path = f"/v1/users/{user_id}/{name}"
    people = await read(
        user_id,
        asked.viewer,
        after=after_of(path, asked),
        limit=asked.query.limit,
        deps=asked.deps,
    )
    return answer_users(people, path, asked)


USER = "/v1/users/{user_id}"
HINDRANCES = ("user-not-found", "account-private", "user-blocked")

OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/users",
        summary="Join",
        endpoint=join,
        query=Nothing,
        body=NewUser,
        shown=Profile,
        status=201,
        headers=("location",),
        problems=("username-taken",),
        paces=("joins-by-address",),
        signed_in=False,
    ),
    Operation(
        method="GET",
        path=USER,
        summary="Look at a user",
        endpoint=get,
        query=Nothing,
        body=Nothing,
        shown=Profile,
        problems=("user-not-found",),
    ),
    change(
        "PUT",
        f"{USER}/follow",
        "Follow a user, or ask to where they are private",
        follow,
        "user-not-found",
        "follow-yourself",
        "too-many-follows",
        "user-blocked",
        accepted=FollowState,
    ),
    change(
        "DELETE",
        f"{USER}/follow",
        "Unfollow a user, or ask no longer",
        unfollow,
        "user-not-found",
    ),
    change(
        "PUT",
        f"{USER}/block",
        "Block a user",
        block,
        "user-not-found",
        "block-yourself",
        "too-many-blocks",
    ),
    change("DELETE", f"{USER}/block", "Unblock a user", unblock, "user-not-found"),
    change(
        "PUT",
        f"{USER}/mute",
        "Mute a user",
        mute,
        "user-not-found",
        "mute-yourself",
        "too-many-mutes",
    ),
    change("DELETE", f"{USER}/mute", "Unmute a user", unmute, "user-not-found"),
    listing(f"{USER}/followers", "Look at who follows a user", followers, *HINDRANCES),
    listing(f"{USER}/following", "Look at whom a user follows", following, *HINDRANCES),
)
