"""Who there is: a projection of `users`."""

from typing import Protocol

from msgspec import Struct

from instastream.events import UserJoined
from instastream.ids import UserId


class User(Struct, frozen=True):
    """Someone who joined."""

    user_id: UserId
    username: str
    joined_ms: int


class Users(Protocol):
    """Profiles by user id."""

    async def record_joined(self, event: UserJoined) -> None:
        """Idempotent: the same event again changes nothing."""

    async def get(self, user_id: UserId) -> User | None:
        """One profile, or None."""
