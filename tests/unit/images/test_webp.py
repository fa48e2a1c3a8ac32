"""Encoding outside libvips changes no byte, whatever the pixels are."""

import pytest
import pyvips

from instastream.images import libwebp, webp
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


def encode(*, width: int, height: int, size_bytes: int) -> bytes:
    pixels = bytearray(size_bytes)
    return libwebp.encode(pixels, width=width, height=height, bands=3, quality=80, effort=4)


def test_pixels_that_are_not_there_are_not_read() -> None:
    assert encode(width=2, height=2, size_bytes=12)
    with pytest.raises(ValueError, match="11 bytes are not 2 x 2 pixels"):
        encode(width=2, height=2, size_bytes=11)


def test_what_no_webp_can_hold_is_an_error() -> None:
    assert encode(width=16_383, height=1, size_bytes=49_149)
    with pytest.raises(RuntimeError, match="libwebp says 5"):  # VP8_ENC_ERROR_BAD_DIMENSION
        encode(width=16_384, height=1, size_bytes=49_152)


def test_another_libwebp_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libwebp, "ABI", 0x0300)
    with pytest.raises(RuntimeError, match="not one of those"):
        encode(width=2, height=2, size_bytes=12)
