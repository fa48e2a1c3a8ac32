"""Passwords, hashed by argon2id with its library's defaults (RFC 9106, low memory)."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from instastream.errors import Unavailable

AT_ONCE = os.cpu_count() or 1  # each takes a core and 64 MiB
WAITING_MAX = 64  # some seconds of work: whoever comes then is asked to come again

_hasher = PasswordHasher()
_nobody = _hasher.hash("a password that nobody has")
_threads = ThreadPoolExecutor(AT_ONCE, "argon2")
_waiting = asyncio.Semaphore(WAITING_MAX)

Result = TypeVar("Result")


async def hash_password(password: str) -> str:
    """A hash to keep; takes tens of milliseconds, in a thread. Raises Unavailable when busy."""
    return await _in_thread(lambda: _hasher.hash(password))


async def verify_password(hashed: str | None, password: str) -> bool:
    """Whether the password is right; takes as long for a username that nobody has (None)."""
    return await _in_thread(lambda: _verify(hashed, password))


async def _in_thread(work: Callable[[], Result]) -> Result:
    if _waiting.locked():
        raise Unavailable("signing in", "too many passwords wait to be hashed")
    async with _waiting:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)


def _verify(hashed: str | None, password: str) -> bool:
    try:
        return _hasher.verify(hashed or _nobody, password) and hashed is not None
    except VerifyMismatchError:
        return False
