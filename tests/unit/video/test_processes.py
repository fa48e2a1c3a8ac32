"""Whatever becomes of ffmpeg, only its own job fails, and nothing of it stays behind."""

import asyncio
import signal
from pathlib import Path

import pytest

from instastream.errors import Corrupt, Unavailable
from instastream.video import transcoder
from instastream.video.outcomes import Crashed, judge
from instastream.video.transcoder import FfmpegTranscoder
from tests.unit.video.conftest import Clip, Transcode, reason


def instead(script: str) -> FfmpegTranscoder:
    """Something that goes wrong where ffmpeg should run: a shell, with nothing but its builtins."""
    return FfmpegTranscoder(ffmpeg=("/bin/sh", "-c", script))


@pytest.fixture
def content(clip: Clip) -> bytes:
    return clip("silent.mov").read_bytes()


async def test_what_crashes_twice_is_to_blame(
    transcode: Transcode, made: Path, content: bytes
) -> None:
    crashing = instead("echo x >> tries; kill -ABRT $$")
    assert await reason(transcode(content, crashing)) == "transcode-crashed"
    assert made.with_name("tries").read_text() == "x\nx\n"


async def test_what_crashes_once_is_tried_again(transcode: Transcode, content: bytes) -> None:
    once = instead("[ -e tried ] && exit 69; echo > tried; kill -KILL $$")
    assert await reason(transcode(content, once)) == "damaged"  # as the second try said


async def test_nothing_is_left_of_what_was_killed_when_it_is_tried_again(
    transcode: Transcode, made: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter([0, -signal.SIGKILL, 0])  # of the prober, and of ffmpeg twice

    def end(code: int, errors: str) -> None:
        told = next(codes)
        if told:
            (made / "144p/index.m3u8").rename(made / "144p/00007.m4s")
        judge(told or code, errors)

    monkeypatch.setattr(transcoder, "judge", end)
    assert (await transcode(content)).duration_ms == 1_000
    files = sorted(path.name for path in (made / "144p").iterdir())
    assert files == ["00000.m4s", "index.m3u8", "init.mp4"]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of processor time for any length."""
    monkeypatch.setattr(transcoder, "CPU_S_START", 1)
    monkeypatch.setattr(transcoder, "CPU_S_MAX", 0)


@pytest.mark.usefixtures("hurried")
async def test_what_takes_too_much_processor_time_is_given_up(
    transcode: Transcode, made: Path, content: bytes
) -> None:
    endless = instead("echo x >> tries; while :; do :; done")
    assert await reason(transcode(content, endless)) == "transcode-timeout"
    assert made.with_name("tries").read_text() == "x\n"


@pytest.mark.usefixtures("hurried")
async def test_ffmpeg_is_given_up_like_that(transcode: Transcode, clip: Clip) -> None:
    slow = clip("slow.mp4").read_bytes()  # six seconds of it
    assert await reason(transcode(slow)) == "transcode-timeout"


async def test_what_hangs_is_tried_again_and_given_up(
    transcode: Transcode, made: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcoder, "HANG_S", 1)
    monkeypatch.setattr(transcoder, "HANG_CPU_S", 0.01)
    hanging = instead("echo x >> tries; kill -STOP $$")
    assert await reason(transcode(content, hanging)) == "transcode-crashed"
    assert made.with_name("tries").read_text() == "x\nx\n"


async def test_a_starved_process_is_not_taken_for_one_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used_s = iter([1.0, 2.0, 3.1, 4.0])
    monkeypatch.setattr(transcoder, "HANG_S", 0)
    monkeypatch.setattr(transcoder, "_cpu_s", lambda pid: next(used_s))
    process = await asyncio.create_subprocess_exec("/bin/sleep", "60")
    await transcoder._kill_when_it_hangs(process)
    assert await process.wait() == -signal.SIGKILL
    assert list(used_s) == []


@pytest.mark.parametrize(
    ("duration_ms", "seconds"), [(0, 60), (1_000, 90), (240_000, 7_260), (600_000, 7_260)]
)
def test_processor_time_grows_with_the_length_to_an_end(duration_ms: int, seconds: int) -> None:
    assert transcoder.cpu_s_max(duration_ms) == seconds


async def test_a_file_without_end_fails_its_job(
    transcode: Transcode, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcoder, "FILE_BYTES_MAX", 4_096)
    flooding = instead("while :; do echo 0123456789 || exit 229; done > hls/flood")
    assert await reason(transcode(content, flooding)) == "damaged"


@pytest.mark.parametrize(
    "reaching",
    ["read x < /etc/passwd", "echo x > ../escaped", "( : )"],
    ids=["files", "writing", "processes"],
)
async def test_ffmpeg_reaches_nothing_else(
    transcode: Transcode, content: bytes, reaching: str
) -> None:
    with pytest.raises(RuntimeError, match=r"Permission denied|Cannot fork"):
        await transcode(content, instead(f"{reaching}; exit 1"))


async def test_a_cancelled_transcode_leaves_no_process(
    transcode: Transcode, made: Path, content: bytes
) -> None:
    forever = instead("echo $$ > hls/pid; while :; do :; done")
    job = asyncio.ensure_future(transcode(content, forever))
    pid = ""
    async with asyncio.timeout(20):
        while not pid.endswith("\n"):
            await asyncio.sleep(0.02)
            pid = text_of(made / "pid")
    assert text_of(Path(f"/proc/{pid.strip()}/stat"))
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not text_of(Path(f"/proc/{pid.strip()}/stat"))


def text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_what_ffmpeg_prints_without_end_is_not_kept(
    transcode: Transcode, content: bytes
) -> None:
    talkative = instead("i=0; while [ $i -lt 9000 ]; do echo $i >&2; i=$((i+1)); done; exit 1")
    with pytest.raises(RuntimeError) as bug:
        await transcode(content, talkative)
    assert str(bug.value).endswith("8999\n")
    assert len(str(bug.value)) < 3_000


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (183, Corrupt),  # invalid data
        (69, Corrupt),  # too many frames that can't be decoded
        (228, Unavailable),  # no space left
        (245, Unavailable),  # no thread left
        (251, Corrupt),  # what the file is can't be read; a disk that fails says the same
        (244, Corrupt),  # no memory left, of its own
        (-signal.SIGXCPU, Corrupt),  # nor processor time
        (255, Corrupt),  # which ffmpeg hears of
        (123, Corrupt),  # three times
        (-9, Crashed),
        (1, RuntimeError),
        (8, RuntimeError),  # an option that ffmpeg doesn't have
    ],
)
def test_an_exit_code_says_whose_fault_it_is(code: int, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        judge(code, "what it said")


def test_an_exit_code_of_zero_is_no_fault() -> None:
    judge(0, "")
