"""CPU of a video's ladder: our whole pipeline against plain ffmpeg with the same arguments."""

import asyncio
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import imageio_ffmpeg

from bench import clips
from bench.command import command
from bench.report import Result, report
from instastream.images import variants
from instastream.video.encoding import SOUND, Job, arguments
from instastream.video.ladder import plan_rungs
from instastream.video.transcoder import THREADS, FfmpegTranscoder, probe

SECONDS = 10
ROUNDS = 7
TYPE = "video/mp4"

Work = Callable[[Path], Callable[[], None]]  # what to time, once it is prepared


def main() -> None:
    """Measure, print, write `bench/out/video.json`."""
    command(__doc__).parse_args()
    with _scratch() as original:
        clips.make(original.with_suffix(".mp4"), seconds=SECONDS, rate=30, quality=18)
        clip = original.with_suffix(".mp4").read_bytes()
    ours, plain = [], []
    for _ in range(ROUNDS):  # taking turns, so that a slow moment hits both
        plain.append(_cpu_s(_plain, clip))
        ours.append(_cpu_s(_ours, clip))
    ratios = [our / other for our, other in zip(ours, plain, strict=True)]
    report("video", [*_results(ours, plain), *_spread(ratios)])


def _results(ours: list[float], plain: list[float]) -> Iterator[Result]:
    for name, seconds in (("pipeline_720p", ours), ("plain_720p", plain)):
        yield Result(name=name, value=median(seconds) / SECONDS, unit="CPU s per second of video")
    ratio = median(ours) / median(plain)
    yield Result(name="vs_ffmpeg", value=ratio, unit="x", ratio=1 / ratio, against="plain ffmpeg")


def _spread(ratios: list[float]) -> Iterator[Result]:
    yield Result(name="vs_ffmpeg_least", value=min(ratios), unit="x")
    yield Result(name="vs_ffmpeg_most", value=max(ratios), unit="x")


@contextmanager
def _scratch() -> Iterator[Path]:
    """Where an original may lie, and beside it what becomes of it."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "hls").mkdir()
        yield Path(folder) / "original"


def _cpu_s(work: Work, clip: bytes) -> float:
    """Of this process and of those that it has waited for; ffmpeg's arguments are made before."""
    with _scratch() as original:
        original.write_bytes(clip)
        run = work(original)
        begun = _used_s()
        run()
        return _used_s() - begun


def _used_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _ours(original: Path) -> Callable[[], None]:
    """Probe, confinement, ladder, poster and its variants."""

    def run() -> None:
        transcoding = FfmpegTranscoder().transcode(original, original.parent / "hls", _deaf)
        variants.render(asyncio.run(transcoding).poster)

    return run


async def _deaf(done: float) -> None:
    """Nobody watches a bench."""


def _plain(original: Path) -> Callable[[], None]:
    source = asyncio.run(probe(original, TYPE))
    rungs = plan_rungs(source)
    for name in (SOUND, *(rung.name for rung in rungs)):
        (original.parent / "hls" / name).mkdir()
    job = Job(original=original.name, content_type=TYPE, folder="hls", threads=THREADS)
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), *arguments(job, source, rungs)]

    def run() -> None:
        subprocess.run(argv, cwd=original.parent, check=True, stdout=subprocess.DEVNULL)

    return run


if __name__ == "__main__":
    main()
