"""Users: join, look at one; follow, block and mute; who follows whom."""

from collections.abc import Awaitable, Callable
from typing import Literal

from msgspec import Struct

from instastream import accounts, graph, profiles
from instastream.api.fields import NewPassword, Username
from instastream.api.operations import NOTHING, Answer, Asked, Nothing, Operation
from instastream.api.pages import UsersQuery, after_of, answer_users
from instastream.api.views import Profile, Users, show_profile
from instastream.deps import Deps
from instastream.ids import UserId, parse_user_id


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to join."""

    username: Username
    password: NewPassword


class FollowState(Struct, frozen=True):
    """Asked for: they follow once it is approved."""

    state: Literal["requested"]


async def join(asked: Asked[Nothing, NewUser]) -> Answer[Profile]:
    """A new user."""
    user = await accounts.join(asked.body.username, asked.body.password, asked.deps)
    profile = await profiles.look_at(user.user_id, user.user_id, asked.deps)
    return Answer(show_profile(profile), {"location": f"/v1/users/{user.user_id}"})


async def get(asked: Asked[Nothing, Nothing]) -> Answer[Profile]:
    """A profile: everyone may see it but those whom its owner blocks."""
    return Answer(show_profile(await profiles.look_at(_named(asked), asked.viewer, asked.deps)))


async def follow(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """An edge from whoever asks, or a request for one."""
    state = await graph.follow(asked.viewer, _named(asked), asked.deps)
    return Answer(NOTHING, accepted=FollowState("requested") if state == "requested" else None)


async def unfollow(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """No edge from whoever asks, and no request."""
    return await _done(graph.unfollow, asked)


async def block(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Neither sees the other."""
    return await _done(graph.block, asked)


async def unblock(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """No block by whoever asks."""
    return await _done(graph.unblock, asked)


async def mute(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """None of their posts in the feed of whoever asks."""
    return await _done(graph.mute, asked)


async def unmute(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Their posts in the feed of whoever asks."""
    return await _done(graph.unmute, asked)


async def followers(asked: Asked[UsersQuery, Nothing]) -> Answer[Users]:
    """Those who follow a user."""
    return await _listed("followers", profiles.followers, asked)


async def following(asked: Asked[UsersQuery, Nothing]) -> Answer[Users]:
    """Those whom a user follows."""
    return await _listed("following", profiles.followees, asked)


def _named(asked: Asked[Nothing, Nothing] | Asked[UsersQuery, Nothing]) -> UserId:
    return parse_user_id(asked.path["user_id"])


async def _done(
    act: Callable[[UserId, UserId, Deps], Awaitable[None]], asked: Asked[Nothing, Nothing]
) -> Answer[Nothing]:
    await act(asked.viewer, _named(asked), asked.deps)
    return Answer(NOTHING)


async def _listed(
    name: str,
    read: Callable[..., Awaitable[profiles.People]],
    asked: Asked[UsersQuery, Nothing],
) -> Answer[Users]:
    user_id = _named(asked)
    path = f"/v1/users/{user_id}/{name}"
    people = await read(
        user_id,
        asked.viewer,
        after=after_of(path, asked),
        limit=asked.query.limit,
        deps=asked.deps,
    )
    return answer_users(people, path, asked)


def _change(
    method: str,
    name: str,
    summary: str,
    endpoint: Callable[[Asked[Nothing, Nothing]], Awaitable[Answer[Nothing]]],
    *problems: str,
    accepted: type[Struct] | None = None,
) -> Operation[Nothing, Nothing, Nothing]:
    return Operation(
        method=method,
        path=f"/v1/users/{{user_id}}/{name}",
        summary=f"{summary}; again changes nothing",
        endpoint=endpoint,
        query=Nothing,
        body=Nothing,
        shown=Nothing,
        status=204,
        accepted=accepted,
        problems=("user-not-found", *problems),
    )


def _list(
    name: str,
    summary: str,
    endpoint: Callable[[Asked[UsersQuery, Nothing]], Awaitable[Answer[Users]]],
) -> Operation[UsersQuery, Nothing, Users]:
    return Operation(
        method="GET",
        path=f"/v1/users/{{user_id}}/{name}",
        summary=summary,
        endpoint=endpoint,
        query=UsersQuery,
        body=Nothing,
        shown=Users,
        headers=("link",),
        problems=("user-not-found", "account-private", "user-blocked", "invalid-cursor"),
    )


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
        signed_in=False,
    ),
    Operation(
        method="GET",
        path="/v1/users/{user_id}",
        summary="Look at a user",
        endpoint=get,
        query=Nothing,
        body=Nothing,
        shown=Profile,
        problems=("user-not-found",),
    ),
    _change(
        "PUT",
        "follow",
        "Follow a user, or ask to where they are private",
        follow,
        "follow-yourself",
        "too-many-follows",
        accepted=FollowState,
    ),
    _change("DELETE", "follow", "Unfollow a user, or ask no longer", unfollow),
    _change("PUT", "block", "Block a user", block, "block-yourself"),
    _change("DELETE", "block", "Unblock a user", unblock),
    _change("PUT", "mute", "Mute a user", mute, "mute-yourself"),
    _change("DELETE", "mute", "Unmute a user", unmute),
    _list("followers", "Look at who follows a user", followers),
    _list("following", "Look at whom a user follows", following),
)
