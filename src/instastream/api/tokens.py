"""Tokens: sign in, and go on with the next pair."""

from msgspec import Struct

from instastream import accounts
from instastream.accounts import TokenPair
from instastream.api.fields import Password, RefreshToken, Username
from instastream.api.operations import Answer, Asked, Nothing, Operation

NEVER_STORED = {"cache-control": "no-store"}


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to sign in."""

    username: Username
    password: Password


class Refresh(Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to stay signed in."""

    refresh_token: RefreshToken


async def sign_in(asked: Asked[Nothing, SignIn]) -> Answer[TokenPair]:
    """A first pair of tokens."""
    pair = await accounts.sign_in(asked.body.username, asked.body.password, asked.deps)
    return Answer(pair, NEVER_STORED)


async def refresh(asked: Asked[Nothing, Refresh]) -> Answer[TokenPair]:
    """The next pair of tokens."""
    return Answer(await accounts.refresh(asked.body.refresh_token, asked.deps), NEVER_STORED)


OPERATIONS = (
    Operation(
        method="POST",
        path="/v1/tokens",
        summary="Sign in",
        endpoint=sign_in,
        query=Nothing,
        body=SignIn,
        shown=TokenPair,
        headers=("cache-control",),
        problems=("invalid-credentials",),
        signed_in=False,
    ),
    Operation(
        method="POST",
        path="/v1/tokens/refresh",
        summary="Stay signed in; a token that comes twice revokes all that came from its sign-in",
        endpoint=refresh,
        query=Nothing,
        body=Refresh,
        shown=TokenPair,
        headers=("cache-control",),
        problems=("invalid-token",),
        signed_in=False,
    ),
)
