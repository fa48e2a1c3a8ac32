"""Rendering bytes, and photographs to render."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import pyvips

from instastream.images import variants
from instastream.media import Rendered

PHOTOS = Path(str(files("instastream.photos")))
Render = Callable[[bytes], dict[str, Rendered]]


@pytest.fixture
def render() -> Render:
    def render_bytes(content: bytes) -> dict[str, Rendered]:
        return {variant.name: variant for variant in variants.render(content).variants}

    return render_bytes


def photo(name: str) -> bytes:
    return (PHOTOS / name).read_bytes()


def plain(width: int, height: int, colour: list[int]) -> pyvips.Image:
    image = pyvips.Image.black(width, height, bands=len(colour)) + colour
    return image.cast("uchar").copy(interpretation="srgb" if len(colour) >= 3 else "b-w")
