"""Tokens: sign in, and go on with the next pair."""

from msgspec import Struct

from instastream import accounts
from instastream.accounts import TokenPair
from instastream.api.addresses import address_of
from instastream.api.fields import Password, RefreshToken, Username
from instastream.api.operations import Answer, Asked, Nothing, Operation
from instastream.pacing import pace

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
    username, address = asked.body.username, address_of(asked)
    if address:
        await pace("sign-ins-by-address", address, asked.deps)
        await pace("sign-ins-by-both", f"{username}@{address}", asked.deps)
    await pace("sign-ins-by-username", username, asked.deps)
    pair = await accounts.sign_in(username, asked.body.password, asked.deps)
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
        paces=("sign-ins-by-address", "sign-ins-by-both", "sign-ins-by-username"),
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
        paces=("refreshes",),
        signed_in=False,
    ),
)
