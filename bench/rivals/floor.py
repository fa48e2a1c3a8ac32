"""What cannot be left out, with our own libraries: decode once, encode what is scaled already."""

import time
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pyvips

from bench.rivals.answering import Wanted, answer
from instastream.images import variants, webp

Scaled = list[tuple[pyvips.Image, int, int]]


def render(photo: Path, folder: Path, wanted: list[Wanted]) -> float:
    """The CPU seconds of decoding and encoding alone."""
    scaled = _scaled(photo)
    begun_s = time.process_time()
    _decode(photo.read_bytes())
    for (image, quality, effort), spec in zip(scaled, wanted, strict=True):
        content = webp.encode(image, quality=quality, effort=effort)
        (folder / f"{spec['name']}.webp").write_bytes(content)
    return time.process_time() - begun_s


@cache
def _scaled(photo: Path) -> Scaled:
    """What variants.render has encoded, ready to be encoded again."""
    scaled: Scaled = []

    def encode(image: pyvips.Image, *, quality: int, effort: int) -> bytes:
        scaled.append((image, quality, effort))
        return b""

    with patch.object(webp, "encode", encode):
        variants.render(photo.read_bytes())
    return scaled


def _decode(content: bytes) -> None:
    """Every row, none kept: keeping them costs more than decoding does."""
    image = pyvips.Image.new_from_buffer(content, "", access="sequential")
    image.crop(0, image.height - 1, image.width, 1).copy_memory()


if __name__ == "__main__":
    answer(render)
