"""The contract of Users."""

from instastream.deps import Deps
from instastream.events import UserJoined
from instastream.ids import UserId
from instastream.stores.users import User


async def test_who_joined_twice_joined_the_first_time(deps: Deps, user: UserId) -> None:
    joined = UserJoined(user_id=user, username="painter", at_ms=1_000)
    again = UserJoined(user_id=user, username="painter", at_ms=2_000)
    for event in (joined, again, joined):
        await deps.users.record_joined(event)
    assert await deps.users.get(user) == User(user, "painter", 1_000)


async def test_who_never_joined_is_none(deps: Deps, user: UserId) -> None:
    assert await deps.users.get(user) is None
