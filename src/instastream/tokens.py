"""Signing in, and staying signed in by refresh tokens that are used up when used."""

import secrets
from hashlib import sha256
from uuid import uuid4

from msgspec import Struct

from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.ids import UserId
from instastream.limits import ACCESS_TOKEN_TTL_S
from instastream.passwords import verify_password
from instastream.stores.accounts import RefreshToken


class TokenPair(Struct, frozen=True, kw_only=True):
    """What a client signs in with, and what it gets the next pair with."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"
    expires_in: int = ACCESS_TOKEN_TTL_S


async def sign_in(username: str, password: str, deps: Deps) -> TokenPair:
    """A first pair of tokens for whoever knows the password."""
    credentials = await deps.accounts.credentials(username)
    hashed = credentials.password_hash if credentials else None
    if not await verify_password(hashed, password) or credentials is None:
        raise Rejected("invalid-credentials", "this username and password don't go together")
    return await _issue(credentials.user_id, str(uuid4()), deps)


async def refresh(refresh_token: str, deps: Deps) -> TokenPair:
    """The next pair. A token used twice was stolen: its whole family is revoked."""
    token = await deps.accounts.refresh_token(_digest(refresh_token))
    if token is None:
        raise Rejected("invalid-token", "this refresh token is not one of ours, or has expired")
    if not await deps.accounts.spend(token):
        await deps.accounts.revoke(token.family)
        raise Rejected("invalid-token", "this refresh token was used before: sign in again")
    return await _issue(token.user_id, token.family, deps)


async def _issue(user_id: UserId, family: str, deps: Deps) -> TokenPair:
    refresh_token = secrets.token_urlsafe(32)
    await deps.accounts.add_refresh_token(RefreshToken(_digest(refresh_token), family, user_id))
    access_token = deps.signer.sign(user_id, now_ms=deps.now_ms())
    return TokenPair(access_token=access_token, refresh_token=refresh_token)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
