"""The contract of Users."""

from instastream.deps import Deps
from instastream.events import ProfileChanged, Record, UserJoined
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
    def said(private: bool, offset: int) -> Record[ProfileChanged]:
        return Record(ProfileChanged(user_id=user, private=private, at_ms=0), 0, offset)

    await deps.users.record_changed(said(True, 5))
    assert await deps.users.get(user) is None, "who has not joined is nobody"
    await deps.users.record_joined(UserJoined(user_id=user, username="painter", at_ms=1_000))
    await deps.users.record_changed(said(False, 4))
    assert await deps.users.get(user) == User(user, "painter", 1_000, private=True)
    await deps.users.record_changed(said(False, 6))
    await deps.users.record_changed(said(True, 5))
    assert await deps.users.get(user) == User(user, "painter", 1_000, private=False)


async def test_many_profiles_come_at_once(deps: Deps, user: UserId) -> None:
    await deps.users.record_joined(UserJoined(user_id=user, username="painter", at_ms=1_000))
    nobody = UserId(new_id())
    assert await deps.users.get_all([user, nobody]) == {user: User(user, "painter", 1_000)}
    assert await deps.users.get_all([]) == {}
