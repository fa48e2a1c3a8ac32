"""Rendering bytes, and photographs to render."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import pyvips

from instastream import images
from instastream.media import Rendered

PHOTOS = Path(str(files("instastream.photos")))
Render = Callable[[bytes], dict[str, Rendered]]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    def render_bytes(content: bytes) -> dict[str, Rendered]:
        path = tmp_path / "original"
        path.write_bytes(content)
        return {variant.name: variant for variant in images.render(path).variants}

    return render_bytes


def photo(name: str) -> bytes:
    return (PHOTOS / name).read_bytes()


def plain(width: int, height: int, colour: list[int]) -> pyvips.Image:
    image = pyvips.Image.black(width, height, bands=len(colour)) + colour
    return image.cast("uchar").copy(interpretation="srgb" if len(colour) >= 3 else "b-w")
