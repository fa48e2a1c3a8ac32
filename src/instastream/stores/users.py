"""Who there is: a projection of `users`."""

from collections.abc import Collection
from typing import Protocol

from msgspec import Struct

from instastream.events import ProfileChanged, UserJoined
from instastream.ids import UserId


class User(Struct, frozen=True):
    """Someone who joined."""

    user_id: UserId
    username: str
    joined_ms: int
    private: bool = False  # only followers who were let in see what they post


class Users(Protocol):
    """Profiles by user id."""

    async def record_joined(self, event: UserJoined) -> None:
        """Idempotent: the same event again changes nothing."""

    async def record_changed(self, event: ProfileChanged, *, version: int) -> None:
        """Idempotent and in any order: what is said by the larger version is right."""

    async def get(self, user_id: UserId) -> User | None:
        """One profile, or None."""

    async def get_all(self, user_ids: Collection[UserId]) -> dict[UserId, User]:
        """Many profiles in one batch; who never joined is absent."""
