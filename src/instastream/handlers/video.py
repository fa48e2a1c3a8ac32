"""What an uploaded video becomes."""

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path

from instastream import media
from instastream.deps import Deps
from instastream.errors import Corrupt, Unavailable
from instastream.events import Event, MediaReady, Record, UploadFinalized, Video
from instastream.handlers.dedup import Put, announce, give_up, share
from instastream.handlers.media import check_whole, put_variants
from instastream.handlers.table import Handlers, LastWords
from instastream.ids import MediaId
from instastream.metrics import TRANSCODE_SECONDS, timed_outcome
from instastream.scratch import scratch
from instastream.uploads import is_video, original_key
from instastream.video.transcoder import Report

REPORT_S_MAX = 0.5  # ffmpeg waits meanwhile


async def transcode_media(record: Record[UploadFinalized], deps: Deps) -> list[Event]:
    """The ladder and the poster lie in the object store, or there can never be one."""
    upload = record.event
    if not is_video(upload.content_type):
        return []
    async with scratch() as folder:
        return await announce(upload, partial(_share_video, upload, folder, deps), deps)


async def _share_video(upload: UploadFinalized, folder: Path, deps: Deps) -> MediaReady:
    original = folder / "original"
    await deps.blobs.download(original_key(upload.author_id, upload.media_id), original)
    await check_whole(original.stat().st_size, upload, deps)
    digest = await asyncio.to_thread(media.digest_of_video, original, deps.settings.media_key)
    report = partial(_report, upload.media_id, deps)
    return await share(upload, digest, partial(_transcode, original, report, deps), deps)


async def _transcode(original: Path, report: Report, deps: Deps) -> Put:
    made = original.with_name("hls")
    made.mkdir()
    with timed_outcome(TRANSCODE_SECONDS, refused=Corrupt):
        transcoded = await deps.transcoder.transcode(original, made, report)
    poster = await deps.renderer.render(transcoded.poster)
    return partial(_put, transcoded, made, poster, deps)


async def _put(
    transcoded: media.Transcoded, made: Path, poster: media.Rendering, deps: Deps, folder: str
) -> media.Outcome:
    return media.Outcome(
        variants=await put_variants(poster, folder, deps),
        thumbhash=poster.thumbhash,
        colour=poster.colour,
        video=await _put_video(transcoded, made, folder, deps),
    )


async def _report(media_id: MediaId, deps: Deps, done: float) -> None:
    with suppress(Unavailable, TimeoutError):  # a number on a screen is not worth a transcode
        async with asyncio.timeout(REPORT_S_MAX):
            await deps.transcodes.record(media_id, 100 * done)


async def _put_video(transcoded: media.Transcoded, made: Path, folder: str, deps: Deps) -> Video:
    """One file after another: it takes a hundredth of the time that transcoding took."""
    sizes = {path: path.stat().st_size for path in _files(made)}
    for path in sizes:
        key = f"{folder}/{path.relative_to(made).as_posix()}"
        await deps.blobs.upload(key, path, content_type=media.CONTENT_TYPES[path.suffix])
    return Video(
        key=f"{folder}/{media.MASTER}",
        width=transcoded.width,
        height=transcoded.height,
        duration_ms=transcoded.duration_ms,
        size_bytes=sum(sizes.values()),
        rungs=transcoded.rungs,
    )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def give_up_video(upload: UploadFinalized, deps: Deps) -> list[Event]:
    """Of those that are its own."""
    return give_up(upload, deps) if is_video(upload.content_type) else []


VIDEO: Handlers = {UploadFinalized: transcode_media}
VIDEO_LAST_WORDS: LastWords = {UploadFinalized: give_up_video}
