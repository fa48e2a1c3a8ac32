"""Of what was written beside the pixels nothing is left: no place, no serial number, no name."""

from collections.abc import Callable
from io import BytesIO

import pytest
import pyvips
from PIL import ExifTags, Image, PngImagePlugin

from tests.unit.images.conftest import Render, photo
from tests.unit.images.test_heic import heic

SECRET = "Jane 0451"
XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{SECRET}</x:xmpmeta>".encode()
PICTURE_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}


def exif() -> Image.Exif:
    """Who, where and with which camera."""
    tags = Image.Exif()
    tags[ExifTags.Base.Artist] = SECRET
    tags.get_ifd(ExifTags.IFD.Exif).update(
        {ExifTags.Base.BodySerialNumber: SECRET, ExifTags.Base.LensSerialNumber: SECRET}
    )
    tags.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (52.0, 31.0, 12.0),
            ExifTags.GPS.GPSProcessingMethod: SECRET,
        }
    )
    return tags


def camera_picture() -> Image.Image:
    picture = Image.open(BytesIO(photo("dogs.jpg")))
    return picture.resize((320, 240)).convert("RGB")


def profile() -> bytes:
    source = pyvips.Image.black(1, 1, bands=3).copy(interpretation="srgb")
    named: bytes = source.icc_transform("p3", input_profile="srgb").get("icc-profile-data")
    return named.replace(b"Public Domain", SECRET.ljust(13).encode())


def saved(suffix: str, **save: object) -> bytes:
    buffer = BytesIO()
    camera_picture().save(buffer, suffix, exif=exif(), icc_profile=profile(), **save)
    return buffer.getvalue()


def jpeg() -> bytes:
    return saved("JPEG", xmp=XMP, comment=SECRET)


def png() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", SECRET)
    return saved("PNG", pnginfo=text)


def webp() -> bytes:
    return saved("WEBP", xmp=XMP)


def avif() -> bytes:
    return saved("AVIF", xmp=XMP)


def heic_of_a_phone() -> bytes:
    source = pyvips.Image.new_from_buffer(saved("PNG"), "").copy_memory()
    return heic(source, exif=exif().tobytes(), xmp=XMP)


def animated_webp() -> bytes:
    turned = camera_picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return saved("WEBP", xmp=XMP, save_all=True, append_images=[turned])


def animated_gif() -> bytes:
    buffer = BytesIO()
    turned = camera_picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    camera_picture().save(buffer, "GIF", save_all=True, append_images=[turned], comment=SECRET)
    return buffer.getvalue()


def chunks(webp: bytes) -> set[bytes]:
    """The names of all chunks of a WebP file."""
    found, at = set(), 12
    while at < len(webp):
        found.add(webp[at : at + 4])
        size = int.from_bytes(webp[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return found


@pytest.mark.parametrize(
    "original",
    [jpeg, png, webp, avif, heic_of_a_phone, animated_webp, animated_gif],
    ids=lambda original: original.__name__,
)
def test_nothing_but_the_picture_is_left(render: Render, original: Callable[[], bytes]) -> None:
    content = original()
    assert SECRET.encode() in content
    variants = render(content)
    assert ("animated" in variants) == (original in (animated_webp, animated_gif))
    for variant in variants.values():
        assert SECRET.encode() not in variant.content
        assert chunks(variant.content) <= PICTURE_CHUNKS


def test_the_place_is_in_the_originals_that_are_tested() -> None:
    for original in (jpeg, png, webp, avif, heic_of_a_phone, animated_webp):
        fields = pyvips.Image.new_from_buffer(original(), "").get_fields()
        assert {"exif-ifd3-GPSLatitude", "exif-ifd2-BodySerialNumber"} <= set(fields)
