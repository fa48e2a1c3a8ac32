"""Users: join, look at one, follow and unfollow."""

from msgspec import Struct

from instastream import accounts, commands
from instastream.api.fields import NewPassword, Username
from instastream.api.operations import NOTHING, Answer, Asked, Nothing, Operation
from instastream.api.views import User, show_user
from instastream.errors import Rejected
from instastream.ids import parse_user_id


class NewUser(Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to join."""

    username: Username
    password: NewPassword


async def join(asked: Asked[Nothing, NewUser]) -> Answer[User]:
    """A new user."""
    user = await accounts.join(asked.body.username, asked.body.password, asked.deps)
    return Answer(show_user(user), {"location": f"/v1/users/{user.user_id}"})


async def get(asked: Asked[Nothing, Nothing]) -> Answer[User]:
    """A profile: everyone who is signed in may see it."""
    user_id = parse_user_id(asked.path["user_id"])
    user = await asked.deps.users.get(user_id)
    if user is None:
        raise Rejected("user-not-found", f"there is no user {user_id}")
    return Answer(show_user(user))


async def follow(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """An edge from whoever asks."""
    await commands.follow(asked.viewer, parse_user_id(asked.path["user_id"]), asked.deps)
    return Answer(NOTHING)


async def unfollow(asked: Asked[Nothing, Nothing]) -> Answer[Nothing]:
    """No edge from whoever asks."""
    await commands.unfollow(asked.viewer, parse_user_id(asked.path["user_id"]), asked.deps)
    return Answer(NOTHING)


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/users",
        summary="Join",
        endpoint=join,
        query=Nothing,
        body=NewUser,
        shown=User,
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
        shown=User,
        problems=("user-not-found",),
    ),
    Operation(
        method="PUT",
        path="/v1/users/{user_id}/follow",
        summary="Follow a user; again changes nothing",
        endpoint=follow,
        query=Nothing,
        body=Nothing,
        shown=Nothing,
        status=204,
        problems=("user-not-found", "follow-yourself", "too-many-follows"),
    ),
    Operation(
        method="DELETE",
        path="/v1/users/{user_id}/follow",
        summary="Unfollow a user; again changes nothing",
        endpoint=unfollow,
        query=Nothing,
        body=Nothing,
        shown=Nothing,
        status=204,
    ),
)
