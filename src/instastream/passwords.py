"""Passwords, hashed by argon2id with its library's defaults (RFC 9106, low memory)."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

_hasher = PasswordHasher()
_nobody = _hasher.hash("a password that nobody has")


async def hash_password(password: str) -> str:
    """A hash to keep; takes tens of milliseconds, in a thread."""
    return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(hashed: str | None, password: str) -> bool:
    """Whether the password is right; takes as long for a username that nobody has (None)."""
    return await asyncio.to_thread(_verify, hashed, password)


def _verify(hashed: str | None, password: str) -> bool:
    try:
        return _hasher.verify(hashed or _nobody, password) and hashed is not None
    except VerifyMismatchError:
        return False
