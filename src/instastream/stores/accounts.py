"""Who may sign in: usernames, password hashes and refresh tokens. Never in the log."""

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
    """Credentials and refresh tokens; each method is one conditional write or one read."""

    async def claim(self, credentials: Credentials) -> Credentials:
        """Take the username unless it is taken; returns whoever has it now."""

    async def credentials(self, username: str) -> Credentials | None:
        """The credentials that go with a username."""

    async def add_refresh_token(self, token: RefreshToken) -> None:
        """Keep a token until it is spent or `REFRESH_TOKEN_TTL_S` have passed."""

    async def refresh_token(self, digest: str) -> RefreshToken | None:
        """The token with this digest, spent or not."""

    async def spend(self, token: RefreshToken) -> bool:
        """Use a token up; False when it was spent before or its family is revoked."""

    async def revoke(self, family: str) -> None:
        """Make every token of a family, also ones to come, unspendable."""
