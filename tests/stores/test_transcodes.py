"""The contract of Transcodes."""

from uuid import uuid4

from instastream.deps import Deps
from instastream.ids import MediaId


def new_media() -> MediaId:
    return MediaId(str(uuid4()))


async def test_what_was_reported_last_is_read(deps: Deps) -> None:
    slow, fast, silent = new_media(), new_media(), new_media()
    for percent in (0.0, 12.34):
        await deps.transcodes.record(slow, percent)
    await deps.transcodes.record(fast, 100.0)
    assert await deps.transcodes.read([slow, silent, fast]) == {slow: 12.3, fast: 100.0}


async def test_nothing_is_read_of_nothing(deps: Deps) -> None:
    assert await deps.transcodes.read([]) == {}
