"""Which rivals there are on this machine, and how each is started and asked."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct, to_builtins
from PIL import ImageCms

from bench.rivals import install
from instastream.media import VARIANTS

ROOT = Path(__file__).parent.parent.parent
INSTALL = "`.venv/bin/python -m bench.rivals.install`"
MAGICK = ("magick", "convert-im6.q16", "convert")  # its names, newest first


class Rival(Struct, frozen=True):
    """How to start one: `command` takes what to make as its first argument, `then` as the rest."""

    name: str
    command: Sequence[str]
    then: Sequence[str] = ()


class Missing(Struct, frozen=True):
    """One that is left out, and what would let it take part."""

    name: str
    remedy: str


def rivals(scratch: Path) -> Iterator[Rival | Missing]:
    """Ours first, then the floor, then the others."""
    python = [sys.executable, "-m"]
    yield Rival("ours", [*python, "bench.rivals.ours"])
    yield Rival("floor", [*python, "bench.rivals.floor"])
    yield Rival("Pillow", [*python, "bench.rivals.pillow"])
    yield _pillow_simd()
    yield _sharp()
    programs = [*python, "bench.rivals.programs"]
    if shutil.which("vipsthumbnail"):
        yield Rival("vipsthumbnail", programs, ["vipsthumbnail"])
    else:
        yield Missing("vipsthumbnail", "install libvips's tools")
    magick = next(filter(None, map(shutil.which, MAGICK)), None)
    if magick:
        yield Rival("ImageMagick", programs, ["imagemagick", str(_srgb(scratch)), magick])
    else:
        yield Missing("ImageMagick", "install ImageMagick")


def _pillow_simd() -> Rival | Missing:
    if install.PILLOW_SIMD.exists():
        return Rival("Pillow-SIMD", [str(install.PILLOW_SIMD), "-m", "bench.rivals.pillow"])
    return Missing("Pillow-SIMD", f"run {INSTALL}")


def _sharp() -> Rival | Missing:
    node = shutil.which("node")
    if node and (install.SHARP / "node_modules" / "sharp").is_dir():
        program = str(ROOT / "bench" / "rivals" / "sharp.mjs")
        return Rival("sharp", [node, program], [str(install.SHARP / "package.json")])
    return Missing("sharp", f"install Node.js and run {INSTALL}")


def _srgb(scratch: Path) -> Path:
    """ImageMagick brings no profile to convert to."""
    path = scratch / "srgb.icc"
    path.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return path


class Process:
    """A rival at work."""

    def __init__(self, rival: Rival) -> None:
        self._wanted = json.dumps(to_builtins(VARIANTS))
        self._process = subprocess.Popen(
            [*rival.command, self._wanted, *rival.then],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "VIPS_CONCURRENCY": "1"},
        )

    def render(self, photo: Path, folder: Path) -> float:
        """CPU seconds; the variants are in `folder` afterwards."""
        assert self._process.stdin
        assert self._process.stdout
        folder.mkdir(parents=True, exist_ok=True)
        self._process.stdin.write(f"{photo}\t{folder}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> float:
        """Let it end; the most memory it or a program it ran has ever held, in MB."""
        assert self._process.stdin
        self._process.stdin.close()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss / 1_000
