"""Nobody else's event waits while a large photograph is hashed."""

from threading import current_thread, main_thread

import pytest

from instastream import media
from instastream.handlers import media as handler
from instastream.limits import MEBIBYTE


@pytest.mark.parametrize(("size_bytes", "here"), [(MEBIBYTE, True), (MEBIBYTE + 1, False)])
async def test_what_takes_long_is_hashed_in_a_thread(
    size_bytes: int, here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "digest_of", lambda *_: current_thread())
    thread: object = await handler._digest(bytes(size_bytes), b"")
    assert (thread is main_thread()) == here
