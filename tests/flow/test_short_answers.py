"""An object store that sends less than it has, and says that this is all."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.events import MediaReady, Record, UploadFinalized
from instastream.handlers.media import render_media
from instastream.handlers.video import transcode_media
from instastream.stores.memory import MemoryBlobs, MemoryLog
from tests.flow.conftest import PHOTO, join, post

SENT = 1_000


async def finalized(deps: Deps) -> Record[UploadFinalized]:
    """What a post's finalize appended."""
    [author] = await join(deps, "author")
    await post(deps, author)
    assert isinstance(deps.log, MemoryLog)
    [[event]] = (events for events in deps.log.topics["uploads"].values() if events)
    assert isinstance(event, UploadFinalized)
    return Record(event, partition=0, offset=0)


async def test_a_photograph_of_which_half_came_is_asked_for_again_and_does_not_fail(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, get = await finalized(deps), deps.blobs.get

    async def short(key: str) -> bytes:
        return (await get(key))[:SENT]

    with monkeypatch.context() as patched:
        patched.setattr(deps.blobs, "get", short)
        with pytest.raises(Unavailable, match=f"{SENT} of {len(PHOTO)} bytes"):
            await render_media(record, deps)
    assert [type(event) for event in await render_media(record, deps)] == [MediaReady]


async def test_a_video_of_which_half_came_is_asked_for_again_and_does_not_fail(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, get = await finalized(deps), deps.blobs.get
    video = replace(record.event, content_type="video/mp4")

    async def short(key: str, path: Path) -> None:
        await asyncio.to_thread(path.write_bytes, (await get(key))[:SENT])

    monkeypatch.setattr(deps.blobs, "download", short)
    with pytest.raises(Unavailable, match=f"{SENT} of {len(PHOTO)} bytes"):
        await transcode_media(Record(video, partition=0, offset=0), deps)


async def test_an_event_that_says_another_size_than_the_object_has_holds_nobody_up(
    deps: Deps,
) -> None:
    record = await finalized(deps)
    assert isinstance(deps.blobs, MemoryBlobs)
    wrong = replace(record.event, size_bytes=len(PHOTO) + 1)
    [ready] = await render_media(Record(wrong, partition=0, offset=0), deps)
    assert isinstance(ready, MediaReady)
