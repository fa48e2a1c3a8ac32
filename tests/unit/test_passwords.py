"""Passwords are verified off the loop, and no flood of them holds up whoever comes later."""

import asyncio
import threading

import pytest

from instastream import passwords
from instastream.errors import Unavailable
from instastream.passwords import hash_password, verify_password


async def test_a_password_is_right_or_wrong_or_nobodys() -> None:
    hashed = await hash_password("correct horse battery")
    assert hashed.startswith("$argon2id$")
    assert await verify_password(hashed, "correct horse battery")
    assert not await verify_password(hashed, "correct horse")
    assert not await verify_password(None, "a password that nobody has")


@pytest.mark.parametrize(("waiting", "refused"), [(0, False), (1, False), (2, True)])
async def test_beyond_what_can_be_hashed_soon_the_next_is_asked_to_come_again(
    monkeypatch: pytest.MonkeyPatch, waiting: int, refused: bool
) -> None:
    may_end = threading.Event()
    monkeypatch.setattr(passwords, "_waiting", asyncio.Semaphore(2))
    flood = [asyncio.create_task(passwords._in_thread(may_end.wait)) for _ in range(waiting)]
    await asyncio.sleep(0)
    try:
        if refused:
            with pytest.raises(Unavailable, match="too many"):
                await passwords._in_thread(may_end.is_set)
    finally:
        may_end.set()
    await asyncio.gather(*flood)
    assert await passwords._in_thread(may_end.is_set)
