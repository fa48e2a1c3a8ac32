"""Joining, signing in, and staying signed in by refresh tokens that are used up when used."""

import hmac
import re
import secrets
from hashlib import sha256
from uuid import uuid4

from msgspec import Struct

from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.events import UserJoined
from instastream.handlers.graph import record_joined
from instastream.ids import SNOWFLAKE_PATTERN, UserId
from instastream.limits import ACCESS_TOKEN_TTL_S, REFRESH_REPEAT_S
from instastream.pacing import pace
from instastream.passwords import hash_password, verify_password
from instastream.signing import base64url
from instastream.stores.accounts import Credentials, RefreshToken
from instastream.stores.users import User


class TokenPair(Struct, frozen=True, kw_only=True):
    """What a client signs in with, and what it gets the next pair with."""

    user_id: UserId
    access_token: str
    refresh_token: str
    token_type: str = "Bearer"
    expires_in: int = ACCESS_TOKEN_TTL_S


async def join(username: str, password: str, deps: Deps) -> User:
    """Take a username; raises Rejected("username-taken").

    A join that was cut short is completed by whoever knows its password, here or in `sign_in`.
    """
    standing = await deps.accounts.credentials(username)
    if standing is None:
        fresh = Credentials(
            username=username,
            user_id=UserId(await deps.ids.mint()),
            password_hash=await hash_password(password),
        )
        standing = await deps.accounts.claim(fresh)
        if standing == fresh:
            return await _announce(standing, deps)
    taken = await deps.users.get(standing.user_id) is not None
    if taken or not await verify_password(standing.password_hash, password):
        raise Rejected("username-taken", f"the username {username!r} is taken")
    return await _announce(standing, deps)


async def find(who: str, deps: Deps) -> UserId:
    """Whose id or username this is; raises Rejected("user-not-found")."""
    if re.fullmatch(SNOWFLAKE_PATTERN, who) and await deps.users.get(UserId(who)):
        return UserId(who)
    credentials = await deps.accounts.credentials(who)
    if credentials is None:
        raise Rejected("user-not-found", f"there is no user {who!r}")
    return credentials.user_id


async def sign_in(username: str, password: str, deps: Deps) -> TokenPair:
    """A first pair of tokens for whoever knows the password."""
    credentials = await deps.accounts.credentials(username)
    hashed = credentials.password_hash if credentials else None
    if not await verify_password(hashed, password) or credentials is None:
        raise Rejected("invalid-credentials", "this username and password don't go together")
    if await deps.users.get(credentials.user_id) is None:
        await _announce(credentials, deps)
    token = secrets.token_urlsafe(32)
    await _keep(token, family=str(uuid4()), user_id=credentials.user_id, deps=deps)
    return _pair(token, credentials.user_id, deps)


async def refresh(refresh_token: str, deps: Deps) -> TokenPair:
    """The next pair. Asked again at once, because the answer was lost, it has the same token.

    Later, or when that token was used already, this one was stolen: its family is revoked.
    Whoever asks too fast has spent nothing, nor has whoever was cut short: a token is spent right
    before the answer, when the next one is kept already.
    """
    token = await deps.accounts.refresh_token(_digest(refresh_token))
    if token is None:
        raise Rejected("invalid-token", "this refresh token is not one of ours, or has expired")
    await pace("refreshes", token.family, deps)
    following = _following(refresh_token, deps)
    passed = await deps.accounts.is_spent(_digest(following))
    await _keep(following, family=token.family, user_id=token.user_id, deps=deps)
    now_ms = deps.now_ms()
    spent_ms = await deps.accounts.spend(token, now_ms=now_ms)
    if spent_ms is None:
        raise Rejected("invalid-token", "this refresh token was revoked: sign in again")
    if passed or now_ms > spent_ms + REFRESH_REPEAT_S * 1000:
        await deps.accounts.revoke(token.family)
        raise Rejected("invalid-token", "this refresh token was used before: sign in again")
    return _pair(following, token.user_id, deps)


async def _announce(credentials: Credentials, deps: Deps) -> User:
    user_id, username, at_ms = credentials.user_id, credentials.username, deps.now_ms()
    event = UserJoined(user_id=user_id, username=username, at_ms=at_ms)
    await record_joined(await deps.log.append(event), deps)
    return User(user_id, username, at_ms)


async def _keep(refresh_token: str, *, family: str, user_id: UserId, deps: Deps) -> None:
    await deps.accounts.add_refresh_token(RefreshToken(_digest(refresh_token), family, user_id))


def _pair(refresh_token: str, user_id: UserId, deps: Deps) -> TokenPair:
    access_token = deps.signer.sign(user_id, now_ms=deps.now_ms())
    return TokenPair(user_id=user_id, access_token=access_token, refresh_token=refresh_token)


def _following(refresh_token: str, deps: Deps) -> str:
    """The token after this one: the same however often it is asked for, and only ours to know."""
    mac = hmac.digest(deps.settings.token_key, b"refresh:" + refresh_token.encode(), "sha256")
    return base64url(mac)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
