"""What operations have in common that do something about someone or something, or list people."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from instastream.api.operations import NOTHING, Answer, Asked, Nothing, Operation
from instastream.api.pages import UsersQuery
from instastream.api.views import Users
from instastream.deps import Deps
from instastream.ids import UserId, parse_user_id
from instastream.pacing import pace


def named(asked: Asked[Nothing, Nothing] | Asked[UsersQuery, Nothing]) -> UserId:
    """The user in the path."""
    return parse_user_id(asked.path["user_id"])


async def done(
    act: Callable[[UserId, UserId, Deps], Awaitable[None]],
    asked: Asked[Nothing, Nothing],
    *,
    paced_as: str = "people",
) -> Answer[Nothing]:
    """Whoever asks did this about the user in the path."""
    other_id = named(asked)
    await pace(paced_as, asked.viewer, asked.deps)
    await act(asked.viewer, other_id, asked.deps)
    return Answer(NOTHING)


def change(
    method: str,
    path: str,
    summary: str,
    endpoint: Callable[[Asked[Nothing, Nothing]], Awaitable[Answer[Nothing]]],
    *problems: str,
    accepted: type[Struct] | None = None,
    paces: tuple[str, ...] = ("people",),
) -> Operation[Nothing, Nothing, Nothing]:
    """Something that may be done any number of times."""
    return Operation(
        method=method,
        path=path,
        summary=f"{summary}; again changes nothing",
        endpoint=endpoint,
        query=Nothing,
        body=Nothing,
        shown=Nothing,
        status=204,
        accepted=accepted,
        problems=problems,
        paces=paces,
    )


def listing(
    path: str,
    summary: str,
    endpoint: Callable[[Asked[UsersQuery, Nothing]], Awaitable[Answer[Users]]],
    *problems: str,
) -> Operation[UsersQuery, Nothing, Users]:
    """A list of users, page by page."""
    return Operation(
        method="GET",
        path=path,
        summary=summary,
        endpoint=endpoint,
        query=UsersQuery,
        body=Nothing,
        shown=Users,
        headers=("link",),
        problems=(*problems, "invalid-cursor"),
    )
