"""The ladder that a small video of three segments becomes."""

import asyncio
import subprocess
from pathlib import Path

import imageio_ffmpeg

from instastream.video.transcoder import FfmpegTranscoder

SECONDS, SEGMENT_S = 13, 6
SIZES = {426: 240, 256: 144}  # widths and heights of its rungs
SOURCES = (f"testsrc2=s=426x240:r=15:d={SECONDS}", f"sine=d={SECONDS}")


async def make_ladder(folder: Path) -> dict[str, bytes]:
    """Every file of it, by its path under the master playlist's folder."""
    original, made = folder / "original", folder / "made"
    made.mkdir(parents=True)
    await asyncio.to_thread(_film, original)
    await FfmpegTranscoder().transcode(original, made, _unheard)
    files = (path for path in made.rglob("*") if path.is_file())
    return {str(path.relative_to(made)): path.read_bytes() for path in files}


def _film(original: Path) -> None:
    inputs = [word for source in SOURCES for word in ("-f", "lavfi", "-i", source)]
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs]
    encoding = ["-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "mp4", str(original)]
    subprocess.run([*ffmpeg, *encoding], check=True)


async def _unheard(done: float) -> None:
    pass
