"""An uploaded video becomes objects and one event, the same each time it is delivered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from instastream import media
from instastream.deps import Deps, memory_deps
from instastream.errors import Unavailable
from instastream.events import Event, MediaFailed, MediaReady, Record, UploadFinalized
from instastream.handlers.media import render_media
from instastream.handlers.video import transcode_media
from instastream.ids import MediaId, PostId, UserId
from instastream.images.pool import RenderPool
from instastream.scratch import PREFIX
from instastream.stores.memory import MemoryBlobs
from instastream.stores.memory_ledger import MemoryLedger
from instastream.stores.memory_transcodes import MemoryTranscodes
from instastream.uploads import original_key
from instastream.video.transcoder import FfmpegTranscoder
from tests.conftest import IN_MEMORY
from tests.unit.video.conftest import Clip

MEDIA_ID = MediaId("0191e2a4-0000-7000-8000-000000000000")
AUTHOR_ID = UserId("1")
STILL = files("instastream.photos").joinpath("cup.png")


@pytest_asyncio.fixture
async def deps() -> AsyncIterator[Deps]:
    async with RenderPool(size=1) as pool, memory_deps(IN_MEMORY, pool) as deps:
        yield deps


def objects(deps: Deps) -> dict[str, bytes]:
    assert isinstance(deps.blobs, MemoryBlobs)
    return {key: content for key, (content, _) in deps.blobs.objects.items()}


async def uploaded(
    deps: Deps, content: bytes, content_type: str = "video/mp4"
) -> Record[UploadFinalized]:
    await deps.blobs.put(original_key(AUTHOR_ID, MEDIA_ID), content, content_type=content_type)
    event = UploadFinalized(
        media_id=MEDIA_ID,
        post_id=PostId("2"),
        author_id=AUTHOR_ID,
        content_type=content_type,
        size_bytes=len(content),
        caption="",
        alt_text="",
        position=1,
        media_count=3,
        at_ms=1,
    )
    return Record(event, partition=0, offset=0)


async def ready(record: Record[UploadFinalized], deps: Deps) -> MediaReady:
    [event] = await transcode_media(record, deps)
    assert isinstance(event, MediaReady)
    return event


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else's folders."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def scratch() -> list[Path]:
    return list(Path(gettempdir()).glob(f"{PREFIX}*"))


async def test_a_video_is_announced_when_all_of_it_is_there(deps: Deps, clip: Clip) -> None:
    content = clip("landscape.mp4").read_bytes()
    before = scratch()
    record = await uploaded(deps, content)
    event = await ready(record, deps)
    digest = media.digest_of_video(clip("landscape.mp4"), IN_MEMORY.media_key)
    folder = media.media_folder(digest, generation=0)
    stored = objects(deps)
    assert event.video
    assert event.video.key == f"{folder}/master.m3u8"
    assert (event.position, event.media_count) == (1, 3)
    video = {key for key in stored if key.endswith((".m3u8", ".m4s", ".mp4"))}
    assert {key.removeprefix(folder) for key in video} == {
        "/master.m3u8",
        *(
            f"/{rung}/{name}"
            for rung in ("240p", "144p", "audio")
            for name in ("index.m3u8", "init.mp4", "00000.m4s", "00001.m4s")
        ),
    }
    assert event.video.size_bytes == sum(len(stored[key]) for key in video)
    for variant in event.variants:
        with Image.open(BytesIO(stored[variant.key])) as poster:
            assert poster.size == (variant.width, variant.height)
    assert (await deps.transcodes.read([MEDIA_ID]))[MEDIA_ID] == 100
    assert scratch() == before


async def test_a_video_delivered_twice_is_the_same_objects(deps: Deps, clip: Clip) -> None:
    record = await uploaded(deps, clip("silent.mov").read_bytes(), "video/quicktime")
    first = await ready(record, deps)
    stored = objects(deps)
    again = await ready(record, deps)
    assert (again.digest, again.variants, again.video) == (
        first.digest,
        first.variants,
        first.video,
    )
    assert objects(deps) == stored


async def test_what_can_never_be_a_video_fails_with_its_reason(deps: Deps) -> None:
    record = await uploaded(deps, b"#EXTM3U\n")
    [event] = await transcode_media(record, deps)
    assert isinstance(event, MediaFailed)
    assert (event.reason, event.position, event.media_count) == ("not-a-video", 1, 3)


async def test_an_original_that_is_gone_fails(deps: Deps) -> None:
    record = await uploaded(deps, b"")
    assert isinstance(deps.blobs, MemoryBlobs)
    deps.blobs.objects.clear()
    [event] = await transcode_media(record, deps)
    assert isinstance(event, MediaFailed)
    assert event.reason == "missing-original"


async def test_videos_and_photographs_are_left_to_each_other(deps: Deps, clip: Clip) -> None:
    nothing: list[Event] = []
    assert await transcode_media(await uploaded(deps, b"", "image/jpeg"), deps) == nothing
    for content_type in ("video/mp4", "video/quicktime", "video/webm"):
        assert await render_media(await uploaded(deps, b"", content_type), deps) == nothing


async def test_a_known_video_declared_a_photograph_is_none_and_the_other_way_round(
    deps: Deps, clip: Clip
) -> None:
    film, still = clip("silent.mov").read_bytes(), STILL.read_bytes()
    assert await ready(await uploaded(deps, film), deps)
    [event] = await render_media(await uploaded(deps, film, "image/jpeg"), deps)
    assert isinstance(event, MediaFailed)
    assert event.reason == "not-an-image"
    [event] = await render_media(await uploaded(deps, still, "image/jpeg"), deps)
    assert isinstance(event, MediaReady)
    [event] = await transcode_media(await uploaded(deps, still), deps)
    assert isinstance(event, MediaFailed)
    assert event.reason == "not-a-video"


async def down(*_: object) -> None:
    raise Unavailable("redis", "down")


async def hanging(*_: object) -> None:
    await asyncio.sleep(3_600)


@pytest.mark.parametrize("record", [down, hanging])
async def test_a_transcode_goes_on_when_nobody_keeps_its_progress(
    deps: Deps, clip: Clip, monkeypatch: pytest.MonkeyPatch, record: Callable[..., object]
) -> None:
    monkeypatch.setattr(MemoryTranscodes, "record", record)
    monkeypatch.setattr("instastream.handlers.video.REPORT_S_MAX", 0.01)
    assert (await ready(await uploaded(deps, clip("silent.mov").read_bytes()), deps)).video


@pytest.mark.parametrize(
    ("store", "call"),
    [
        (MemoryBlobs, "copy"),
        (MemoryBlobs, "upload"),
        (MemoryLedger, "refer"),
        (MemoryLedger, "keep"),
    ],
)
async def test_while_a_store_is_down_nothing_is_transcoded_again(
    deps: Deps, clip: Clip, monkeypatch: pytest.MonkeyPatch, store: type, call: str
) -> None:
    works = getattr(store, call)
    troubles = [Unavailable("a store", "down"), Unavailable("a store", "still down")]
    heard: list[Exception] = []
    transcodes = 0

    async def flaky(*arguments: object, **named: object) -> object:
        if troubles:
            raise troubles.pop()
        return await works(*arguments, **named)

    async def transcode(*arguments: Any) -> media.Transcoded:
        nonlocal transcodes
        transcodes += 1
        return await FfmpegTranscoder.transcode(*arguments)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(store, call, flaky)
    monkeypatch.setattr(deps.transcoder, "transcode", partial(transcode, deps.transcoder))
    patient = replace(deps, sleep=sleep, waited=heard.append)
    assert (await ready(await uploaded(deps, clip("silent.mov").read_bytes()), patient)).video
    assert (transcodes, len(heard), troubles) == (1, 2, [])
