"""Encoding outside libvips changes no byte, whatever the pixels are."""

import pytest
import pyvips

from instastream.images import webp
from tests.unit.images.conftest import photo


def of_kind(bands: int, space: str) -> pyvips.Image:
    """A photograph as grey or colour, with or without alpha, in 8 or 16 bits a channel."""
    image = pyvips.Image.new_from_buffer(photo("cup.png"), "")[:3].colourspace(space)
    return image if image.bands == bands else image.bandjoin(image[0])


@pytest.mark.parametrize(
    ("bands", "space"),
    [
        (3, "srgb"),
        (4, "srgb"),
        (1, "b-w"),
        (2, "b-w"),
        (3, "rgb16"),
        (4, "rgb16"),
        (1, "grey16"),
        (2, "grey16"),
    ],
)
def test_the_bytes_are_what_libvips_would_write(bands: int, space: str) -> None:
    image = of_kind(bands, space)
    assert image.bands == bands
    written = image.webpsave_buffer(Q=80, effort=4, keep="none")
    assert webp.encode(image, quality=80, effort=4) == written
