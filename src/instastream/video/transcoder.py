"""Turns a video file into an HLS ladder with ffmpeg, in processes that may break.

A prober reads what the file says of itself, then ffmpeg decodes it once and encodes every rung.
Both are confined, see no secret, and die with us; what breaks them fails its own job.
"""

import asyncio
import math
import os
import shutil
import sys
from asyncio import StreamReader
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import imageio_ffmpeg
import msgspec

from instastream.confinement.children import Refusal, environment
from instastream.errors import Corrupt, Unavailable
from instastream.limits import MEBIBYTE, VIDEO_BYTES_MAX
from instastream.media import HEAD_BYTES, Transcoded, sniff_video
from instastream.video.encoding import SOUND, THREADS_MAX, Job, arguments
from instastream.video.ladder import plan_rungs
from instastream.video.outcomes import Crashed, collect, judge
from instastream.video.source import Source, replies

THREADS = min(os.cpu_count() or 1, THREADS_MAX)  # one job at a time takes all
# Processor time, not time: a busy machine is no fault of a video. An hour of both of two cores.
CPU_S_START, CPU_S_MAX = 60, 7_200
CPU_SLOWNESS_MAX = 30.0  # times the duration: 4K60 in HDR takes 9
HANG_S, HANG_CPU_S = 300.0, 1.0  # whoever has used less in such a while waits for nothing
MEMORY_BYTES_MAX = 4096 * MEBIBYTE  # address space; 10-bit 4K takes 1,900 MiB with 8 threads
FILE_BYTES_MAX = 64 * MEBIBYTE  # a segment at its peak has 9, a poster at most 8
REPLY_BYTES_MAX = 64 * 1024  # of the prober; it takes some hundred
ERRORS_LENGTH_MAX = 2_000  # of what ffmpeg prints, its end

Report = Callable[[float], Awaitable[None]]
Result = TypeVar("Result")


class FfmpegTranscoder:
    """Transcodes with all cores: run one job at a time."""

    def __init__(self, *, ffmpeg: Sequence[str] = (), threads: int = THREADS) -> None:
        self._ffmpeg = ffmpeg
        self._threads = threads

    async def transcode(self, original: Path, folder: Path, report: Report) -> Transcoded:
        """Playlists and segments in `folder`; `report` hears how much is done, from 0 to 1.

        The folder lies beside the original, and both are alone there: all else in reach of ffmpeg
        is programs. Raises Corrupt when there can be no video, Unavailable when this machine could
        not try, and RuntimeError for a bug. Cancelled, it leaves no process behind.
        """
        content_type = _sniffed(original)
        source = await probe(original, content_type)
        rungs = plan_rungs(source)
        outputs = [rung.name for rung in rungs] + [SOUND] * (source.sound is not None)
        job = Job(
            original=original.name,
            content_type=content_type,
            folder=folder.relative_to(original.parent).as_posix(),
            threads=self._threads,
        )
        ffmpeg = self._ffmpeg or [imageio_ffmpeg.get_ffmpeg_exe()]
        argv = [*ffmpeg, *arguments(job, source, rungs)]

        async def encode() -> None:
            await asyncio.to_thread(_lay_out, folder, outputs)
            await self._encode(argv, original.parent, source, report)

        await _twice(encode)
        return await asyncio.to_thread(collect, folder, source, rungs)

    async def _encode(self, argv: list[str], here: Path, source: Source, report: Report) -> None:
        limits = (MEMORY_BYTES_MAX, cpu_s_max(source.duration_ms), FILE_BYTES_MAX)
        confined = ["-m", "instastream.confinement.process", *map(str, limits), "--", *argv]
        async with _run(confined, here) as lines:
            async for line in lines:
                name, _, value = line.partition(b"=")
                if name == b"out_time_us" and value.strip().isdigit():
                    await report(min(1.0, int(value) / 1_000 / source.duration_ms))


def _lay_out(folder: Path, outputs: list[str]) -> None:
    """Empty folders: what a try before left would be taken for this one's, or end ffmpeg."""
    shutil.rmtree(folder)
    for name in outputs:
        (folder / name).mkdir(parents=True)


def cpu_s_max(duration_ms: int) -> int:
    """How much processor time a video of such a length may take, in seconds."""
    return CPU_S_START + min(CPU_S_MAX, round(CPU_SLOWNESS_MAX * duration_ms / 1_000))


async def probe(original: Path, content_type: str) -> Source:
    """What a process of its own finds in the file; raises as `transcode` does."""
    return await _twice(lambda: _probe_once(original, content_type))


async def _probe_once(original: Path, content_type: str) -> Source:
    argv = ["-m", "instastream.video.probing", content_type, str(original)]
    async with _run(argv, original.parent) as lines:
        reply = await _reply(lines)
    if isinstance(reply, Refusal):
        raise Corrupt(reply.reason, reply.message)
    return reply


async def _reply(lines: StreamReader) -> Refusal | Source:
    """What the prober says; one that says anything else has been broken."""
    answer = b""
    while chunk := await lines.read(REPLY_BYTES_MAX):
        answer += chunk
        if len(answer) > REPLY_BYTES_MAX:
            raise Crashed("it prints without end")
    try:
        return replies.decode(answer)
    except msgspec.DecodeError as error:
        raise Crashed(error) from error


def _sniffed(original: Path) -> str:
    if original.stat().st_size > VIDEO_BYTES_MAX:
        raise Corrupt("too-many-bytes", f"The file is larger than {VIDEO_BYTES_MAX:,} bytes.")
    with original.open("rb") as file:
        content_type = sniff_video(file.read(HEAD_BYTES))
    if content_type is None:
        raise Corrupt("not-a-video", "The file is not an MP4, MOV or WebM video.")
    return content_type


async def _twice(work: Callable[[], Awaitable[Result]]) -> Result:
    """A process may have been killed for another's memory: only what breaks two is to blame."""
    with suppress(Crashed):
        return await work()
    try:
        return await work()
    except Crashed as error:
        raise Corrupt("transcode-crashed", "The video breaks its decoder.") from error


@asynccontextmanager
async def _run(argv: Sequence[str], here: Path) -> AsyncIterator[StreamReader]:
    """What Python prints; its end is judged, or it is killed when the body ends before it."""
    process = await _start(argv, here)
    assert process.stdout
    assert process.stderr
    errors = asyncio.create_task(_tail(process.stderr))
    watch = asyncio.create_task(_kill_when_it_hangs(process))
    try:
        yield process.stdout
        code = await process.wait()
    finally:  # also when cancelled
        watch.cancel()
        _kill(process)
        while await process.stdout.read(MEBIBYTE):  # a full pipe would keep wait() waiting
            pass
        last_words = await errors
        await process.wait()
    judge(code, last_words)


async def _start(argv: Sequence[str], here: Path) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            *argv,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            cwd=here,
            env=environment(arenas=2),
            start_new_session=True,  # Ctrl-C is for us to hear
        )
    except OSError as error:
        raise Unavailable("this machine", error) from error


async def _kill_when_it_hangs(process: Process) -> None:
    """Starved, it still gets some processor time, and in the end the limit of that ends it."""
    before_s, used_s = -HANG_CPU_S, 0.0
    while used_s - before_s >= HANG_CPU_S:
        await asyncio.sleep(HANG_S)
        before_s, used_s = used_s, _cpu_s(process.pid)
    _kill(process)


def _cpu_s(pid: int) -> float:
    """What all threads of a process have used, as proc(5) tells it; elsewhere nothing is known."""
    if sys.platform != "linux":
        return math.inf
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


async def _tail(stream: StreamReader) -> str:
    """The end of what a process has to say; hostile files make ffmpeg say a lot."""
    kept = b""
    while chunk := await stream.read(MEBIBYTE):
        kept = (kept + chunk)[-ERRORS_LENGTH_MAX:]
    return kept.decode(errors="replace")
