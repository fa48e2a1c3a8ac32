"""Clips that ffmpeg makes, and transcoding them."""

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import imageio_ffmpeg
import pytest

from instastream.errors import Corrupt
from instastream.media import Transcoded
from instastream.video.transcoder import FfmpegTranscoder

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
SOUND = ("-f", "lavfi", "-i", "sine=f=440:d=8")

# What ffmpeg is told, by the name of what it makes.
CLIPS = {
    "landscape.mp4": (
        *("-f", "lavfi", "-i", "testsrc2=s=426x240:r=60:d=8", *SOUND, *H264, "-c:a", "aac"),
        *("-movflags", "+faststart", "-metadata", "comment=SERIAL-4711"),
        *("-metadata", "location=+48.8577+002.2950/"),
    ),
    "silent.mov": ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=24:d=1", *H264),
    "mute.mp4": (  # with a track of sound in which there is none
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=24:d=1", "-f", "lavfi", "-i", "sine=d=1"),
        *(*H264, "-c:a", "aac", "-bsf:a", "noise=drop=1", "-movflags", "+empty_moov+frag_keyframe"),
    ),
    "odd.webm": (
        *("-f", "lavfi", "-i", "testsrc2=s=321x181:r=12.5:d=2"),
        *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    ),
    "sideways.mp4": ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=1", *H264),
    "squeezed.mp4": ("-f", "lavfi", "-i", "testsrc2=s=160x180:r=10:d=1,setsar=2", *H264),
    "hdr.mp4": (
        *("-f", "lavfi", "-i", "color=0xA0A0A0:s=320x180:r=10:d=1"),
        *("-vf", "format=yuv420p10le,setparams=range=tv:color_primaries=bt2020"),
        *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params"),
        "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    ),
    "black.mp4": (
        *("-f", "lavfi", "-i", "color=black:s=320x180:r=10:d=1.2"),
        *("-f", "lavfi", "-i", "color=white:s=320x180:r=10:d=2"),
        *("-filter_complex", "[0][1]concat", *H264),
    ),
    "fast.mp4": ("-f", "lavfi", "-i", "testsrc2=s=1280x18:r=60:d=3", *H264),
    "live.webm": (
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=1", "-c:v", "libvpx"),
        *("-deadline", "realtime", "-cpu-used", "8", "-f", "webm", "-live", "1"),
    ),
    "still.webm": (
        *("-f", "lavfi", "-i", "color=s=64x64:r=10:d=1", "-c:v", "libvpx", "-frames:v", "1"),
        *("-f", "webm", "-live", "1"),
    ),
    "green.mp4": ("-f", "lavfi", "-i", "color=0x20C040:s=320x180:r=10:d=1", *H264),
    "sound.mp4": ("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac"),
    "covered.mp4": (
        *("-f", "lavfi", "-i", "color=red:s=64x64", *SOUND, "-map", "1", "-map", "0"),
        *("-frames:v", "1", "-t", "1", "-c:a", "aac", "-c:v", "png"),
        *("-disposition:v", "attached_pic"),
    ),
    "slow.mp4": ("-f", "lavfi", "-i", "color=s=1920x1080:r=30:d=10", *H264),
    "giant.mp4": ("-f", "lavfi", "-i", "color=s=8192x8192:r=1:d=1", *H264),
    "tiny.mp4": ("-f", "lavfi", "-i", "color=s=64x14:r=1:d=1", *H264),
    "long.mp4": ("-f", "lavfi", "-i", "color=s=64x64:r=1:d=601", *H264),
}
TURNED = {"sideways.mp4": "90"}


Clip = Callable[[str], Path]
Transcode = Callable[..., Awaitable[Transcoded]]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A clip by its name, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str) -> Path:
        path = folder / name
        if not path.exists():
            ffmpeg(*CLIPS[name], str(path))
            if name in TURNED:
                upright = path.rename(folder / f"upright-{name}")
                turn = ("-display_rotation", TURNED[name], "-i", str(upright), "-c", "copy")
                ffmpeg(*turn, str(path))
        return path

    return make


def ffmpeg(*argv: str) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-nostdin", "-loglevel", "error", *argv], check=True)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Where the playlists and segments of this test are."""
    folder = tmp_path / "hls"
    folder.mkdir()
    return folder


@pytest.fixture
def transcode(made: Path) -> Transcode:
    """Transcode these bytes, alone in a folder."""

    async def run(
        content: bytes,
        transcoder: FfmpegTranscoder | None = None,
        report: Callable[[float], Awaitable[None]] | None = None,
    ) -> Transcoded:
        original = made.parent / "original"
        original.write_bytes(content)
        return await (transcoder or FfmpegTranscoder()).transcode(original, made, report or _deaf)

    return run


async def _deaf(done: float) -> None:
    """For tests of something else."""


async def reason(transcoding: Awaitable[Transcoded]) -> str:
    """Why it can't be."""
    with pytest.raises(Corrupt) as refusal:
        await transcoding
    return refusal.value.reason
