"""Every format that is accepted goes through the whole system, and comes out of the edge."""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import imageio_ffmpeg
import pillow_heif
import pytest
import pyvips

from instastream.client import Client
from instastream.media import VARIANTS
from instastream.uploads import IMAGE_TYPES, VIDEO_TYPES
from tests.cluster.conftest import System, eventually

WIDTH, HEIGHT = 320, 240


def drawing() -> pyvips.Image:
    """Something with edges and shades, on every machine the same."""
    shades = pyvips.Image.xyz(WIDTH, HEIGHT)
    return shades.bandjoin([128]).cast("uchar").copy(interpretation="srgb")


def encoded(suffix: str) -> bytes:
    return bytes(drawing().write_to_buffer(suffix))


def animation() -> bytes:
    frames = pyvips.Image.arrayjoin([drawing(), drawing().flip("horizontal")], across=1).copy()
    frames.set_type(pyvips.GValue.gint_type, "page-height", HEIGHT)
    return bytes(frames.write_to_buffer(".gif"))


def heic(folder: Path) -> bytes:
    path = folder / "drawing.heic"
    pillow_heif.from_bytes("RGB", (WIDTH, HEIGHT), drawing().write_to_memory()).save(path)
    return path.read_bytes()


def clip(name: str, *codec: str, folder: Path) -> bytes:
    """Two seconds of a test picture, with sound."""
    path = folder / name
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi"]
    picture = ["-i", f"testsrc2=s={WIDTH}x{HEIGHT}:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2"]
    subprocess.run([*ffmpeg, *picture, *codec, str(path)], check=True)
    return path.read_bytes()


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")

ORIGINALS: dict[str, Callable[[Path], bytes]] = {
    "image/avif": lambda _: encoded(".avif"),
    "image/gif": lambda _: animation(),
    "image/heic": heic,
    "image/jpeg": lambda _: encoded(".jpg"),
    "image/png": lambda _: encoded(".png"),
    "image/webp": lambda _: encoded(".webp"),
    "video/mp4": lambda folder: clip("clip.mp4", *H264, folder=folder),
    "video/quicktime": lambda folder: clip("clip.mov", *H264, folder=folder),
    "video/webm": lambda folder: clip("clip.webm", *VP9, folder=folder),
}


@pytest.mark.parametrize("content_type", [*IMAGE_TYPES, *VIDEO_TYPES])
async def test_what_is_accepted_is_served(
    system: System, tmp_path: Path, content_type: str
) -> None:
    author = await system.join("author")
    uploaded = await author.upload(ORIGINALS[content_type](tmp_path), content_type)
    post_id = (await author.finalize(uploaded.media_id, caption=content_type))["id"]
    await eventually(partial(_is_done, author, post_id), f"{content_type} is ready")
    post = await author.post(post_id)
    assert post["status"] == "ready", post.get("failure")
    [media] = post["media"]
    assert {spec.name for spec in VARIANTS} <= set(media["images"])
    assert ("animated" in media["images"]) == (content_type == "image/gif")
    assert media["thumbhash"]
    assert media["colour"]
    for image in media["images"].values():
        served = await system.http.get(image["url"])
        assert (served.status_code, len(served.content)) == (200, image["bytes"])
        assert served.headers["content-type"] == "image/webp"
    assert (media["video"] is not None) == content_type.startswith("video/")
    if media["video"]:
        await _check_stream(system, media["video"]["url"])


async def _is_done(author: Client, post_id: str) -> bool:
    return bool((await author.post(post_id))["status"] != "processing")


async def _check_stream(system: System, master: str) -> None:
    """Every playlist and segment is there, under the type that players ask for."""
    for rung in await _uris(system, master):
        playlist = urljoin(master, rung)
        for segment in await _uris(system, playlist):
            served = await system.http.get(urljoin(playlist, segment))
            assert served.status_code == 200
            assert served.headers["content-type"] == "video/iso.segment"


async def _uris(system: System, playlist: str) -> list[str]:
    served = await system.http.get(playlist)
    assert served.status_code == 200
    assert served.headers["content-type"] == "application/vnd.apple.mpegurl"
    return [line for line in served.text.splitlines() if line and not line.startswith("#")]
