"""Whoever asks: a private account or a public one, requests to follow it, own blocks and mutes."""

from msgspec import Struct

from instastream import graph, profiles
from instastream.api.operations import Answer, Asked, Nothing, Operation
from instastream.api.pages import UsersQuery, after_of, answer_users
from instastream.api.people import change, done, listing
from instastream.api.views import Profile, Users, show_profile
from instastream.pacing import pace
from instastream.relations import WallKind


class ProfileEdit(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change."""

    private: bool


async def get(asked: Asked[Nothing, Nothing]) -> Answer[Profile]:
    """The own profile."""
    return Answer(show_profile(await profiles.look_at(asked.viewer, asked.viewer, asked.deps)))


async def edit(asked: Asked[Nothing, ProfileEdit]) -> Answer[Profile]:
    """The own profile as it is now."""
    await pace("people", asked.viewer, asked.deps)
    profile = await profiles.change(asked.viewer, private=asked.body.private, deps=asked.deps)
    return Answer(show_profile(profile))


async def requests(asked: Asked[UsersQuery, Nothing]) -> Answer[Users]:
    """Those who ask to follow."""
    path = "/v1/me/requests"
    people = await profiles.requests(
        asked.viewer, after=after_of(path, asked), limit=asked.query.limit, deps=asked.deps
    )
    return answer_users(people, path, asked)


async def blocks(asked: Asked[UsersQuery, Nothing]) -> Answer[Users]:
    """Those whom whoever asks blocks."""
    return await _walled("blocks", asked)


async def mutes(asked: Asked[UsersQuery, Nothing]) -> Answer[Users]:
    """Those whom whoever asks mutes."""
    return await _walled("mutes", asked)


async def _walled(kind: WallKind, asked: Asked[UsersQuery, Nothing]) -> Answer[Users]:
    path = f"/v1/me/{kind}"
    people = await profiles.walled(
        asked.viewer, kind, after=after_of(path, asked), limit=asked.query.limit, deps=asked.deps
    )
    return answer_users(people, path, asked)


async def approve(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Whoever asked to follow does."""
    return await done(graph.approve, asked, paced_as="answers")


async def remove(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Whoever followed, or asked to, does no longer."""
    return await done(graph.remove_follower, asked, paced_as="answers")


async def deny(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """Whoever asked to follow does not."""
    return await done(graph.deny, asked, paced_as="answers")


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/me",
        summary="Look at the own profile",
        endpoint=get,
        query=Nothing,
        body=Nothing,
        shown=Profile,
        problems=("user-not-found",),
    ),
    Operation(
        method="PATCH",
        path="/v1/me",
        summary="Make the own account private, or public",
        endpoint=edit,
        query=Nothing,
        body=ProfileEdit,
        shown=Profile,
        problems=("user-not-found",),
        paces=("people",),
    ),
    listing("/v1/me/requests", "Look at who asks to follow", requests),
    listing("/v1/me/blocks", "Look at whom one blocks", blocks),
    listing("/v1/me/mutes", "Look at whom one mutes", mutes),
    change(
        "PUT",
        "/v1/me/followers/{user_id}",
        "Let someone follow who asks to",
        approve,
        "request-not-found",
        paces=("answers",),
    ),
    change(
        "DELETE",
        "/v1/me/requests/{user_id}",
        "Do not let someone follow who asks to",
        deny,
        "request-not-found",
        paces=("answers",),
    ),
    change(
        "DELETE",
        "/v1/me/followers/{user_id}",
        "Remove a follower",
        remove,
        "user-not-found",
        paces=("answers",),
    ),
)
