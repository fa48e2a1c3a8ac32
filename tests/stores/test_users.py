"""The contract of Users."""

from instastream.counting import version_of
from instastream.deps import Deps
from instastream.events import ProfileChanged, UserJoined
from instastream.ids import UserId
from instastream.stores.users import User
from tests.stores.conftest import new_id


async def test_who_joined_twice_joined_the_first_time(deps: Deps, user: UserId) -> None:
    joined = UserJoined(user_id=user, username="painter", at_ms=1_000)
    again = UserJoined(user_id=user, username="painter", at_ms=2_000)
    for event in (joined, again, joined):
        await deps.users.record_joined(event)
    assert await deps.users.get(user) == User(user, "painter", 1_000)


async def test_who_never_joined_is_none(deps: Deps, user: UserId) -> None:
    assert await deps.users.get(user) is None


async def test_an_account_is_as_private_as_was_said_last(deps: Deps, user: UserId) -> None:
    async def say(private: bool, offset: int, *, epoch: int = 0) -> None:
        event = ProfileChanged(user_id=user, private=private, at_ms=0)
        version = version_of(epoch=epoch, offset=offset)
        await deps.users.record_changed(event, version=version)

    await say(True, 5)
    assert await deps.users.get(user) is None, "who has not joined is nobody"
    await deps.users.record_joined(UserJoined(user_id=user, username="painter", at_ms=1_000))
    await say(False, 4)
    assert await deps.users.get(user) == User(user, "painter", 1_000, private=True)
    await say(False, 6)
    await say(True, 5)
    assert await deps.users.get(user) == User(user, "painter", 1_000, private=False)
    await say(True, 0, epoch=1)  # the topic was made anew
    await say(False, 7)
    assert await deps.users.get(user) == User(user, "painter", 1_000, private=True)


async def test_many_profiles_come_at_once(deps: Deps, user: UserId) -> None:
    await deps.users.record_joined(UserJoined(user_id=user, username="painter", at_ms=1_000))
    nobody = UserId(new_id())
    assert await deps.users.get_all([user, nobody]) == {user: User(user, "painter", 1_000)}
    assert await deps.users.get_all([]) == {}
