"""Installs what benches compare with and a package registry has: sharp, Pillow-SIMD and igraph.

Pillow-SIMD replaces Pillow, so it gets an environment of its own; building it takes a C compiler
and the development files of libjpeg-turbo, zlib, libwebp and lcms2.
"""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / ".instastream" / "rivals"
SHARP = FOLDER / "sharp"
PILLOW_SIMD = FOLDER / "pillow-simd" / "bin" / "python"
IGRAPH = FOLDER / "igraph" / "bin" / "python"
BUILD = ("setuptools>=77,<78", "wheel", "pybind11")
HAS_WEBP = """from PIL import features
if not features.check("webp"): raise SystemExit("built without WebP: install libwebp-dev")"""
FASTEST = {"CFLAGS": "-O3 -mavx2"}


def main() -> None:
    """Install all, or say what failed and go on."""
    rivals = (("sharp", _sharp), ("Pillow-SIMD", _pillow_simd), ("igraph", _igraph))
    for name, install in rivals:
        try:
            install()
        except (OSError, subprocess.CalledProcessError) as error:
            sys.stderr.write(f"{name} cannot be installed: {error}\n")


def _sharp() -> None:
    SHARP.mkdir(parents=True, exist_ok=True)
    _run("npm", "install", "--prefix", str(SHARP), "--no-save", "sharp")


def _pillow_simd() -> None:
    _run(sys.executable, "-m", "venv", str(PILLOW_SIMD.parent.parent))
    pip = (str(PILLOW_SIMD), "-m", "pip", "install", "--quiet")
    _run(*pip, *BUILD)
    from_source = (
        "--force-reinstall",
        "--no-cache-dir",
        "--no-build-isolation",
        "--no-binary",
        "pillow-simd",
    )
    _run(*pip, *from_source, "pillow-simd")
    _run(str(PILLOW_SIMD), "-c", HAS_WEBP)


def _igraph() -> None:
    _run(sys.executable, "-m", "venv", str(IGRAPH.parent.parent))
    _run(str(IGRAPH), "-m", "pip", "install", "--quiet", "igraph>=1,<2")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, **FASTEST})


if __name__ == "__main__":
    main()
