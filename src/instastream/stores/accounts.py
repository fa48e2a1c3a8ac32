"""Who may sign in: usernames, password hashes and refresh tokens. Never in the log."""

from collections.abc import Collection
from typing import Protocol

from msgspec import Struct

from instastream.ids import UserId


class Credentials(Struct, frozen=True):
    """A username and the argon2id hash of its password."""

    username: str
    user_id: UserId
    password_hash: str


class RefreshToken(Struct, frozen=True):
    """A refresh token as it is kept: by digest, in the family of one sign-in."""

    digest: str
    family: str
    user_id: UserId


class Accounts(Protocol):
    """Credentials and refresh tokens."""

    async def claim(self, credentials: Credentials) -> Credentials:
        """Take the username unless it is taken; returns whoever has it now."""

    async def credentials(self, username: str) -> Credentials | None:
        """The credentials that go with a username."""

    async def user_ids(self, usernames: Collection[str]) -> dict[str, UserId]:
        """Who has each of some usernames, in one batch; absent where nobody claimed it."""

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """Keep a token for `REFRESH_TOKEN_TTL_S` from now on.

        Not one that was used, nor one whose family is revoked: those stay as they are.
        """

    async def refresh_token(self, digest: str) -> RefreshToken | None:
        """The token with this digest, spent or not."""

    async def spend(self, token: RefreshToken, *, now_ms: int) -> int | None:
        """Use a token up; returns when it was first.

        None when its family is revoked: then nothing is written, so that nothing lives longer.
        """

    async def is_spent(self, digest: str) -> bool:
        """Whether there is such a token, and it was used."""

    async def revoke(self, family: str) -> None:
        """Make every token of a family, also ones to come, unspendable as long as any lives."""
