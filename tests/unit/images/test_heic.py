"""HEIC, as phones write it, becomes the same as the JPEG it might have been."""

import subprocess
import sys
from io import BytesIO

import pillow_heif
import pytest
import pyvips
from PIL import Image

from instastream.errors import Corrupt
from instastream.images import bounds
from instastream.media import HEAD_BYTES, sniff
from tests.unit.images.conftest import PHOTOS, Render, photo, plain
from tests.unit.images.test_variants import (
    BLUE,
    GREEN,
    RED,
    STORED,
    WHITE,
    colour,
    corners,
    pixels,
)

MODES = {"b-w": "L", "grey16": "I;16", "srgb": "RGB"}


def heic(image: pyvips.Image, **save: object) -> bytes:
    """`image`, encoded by the library that decodes it: no other is at hand."""
    mode = MODES[image.interpretation] + "A" * (image.bands == 4)
    file = pillow_heif.from_bytes(mode, (image.width, image.height), image.write_to_memory())
    if "icc-profile-data" in image.get_fields():
        file.info.update(icc_profile=image.get("icc-profile-data"), icc_profile_type="prof")
    buffer = BytesIO()
    file.save(buffer, quality=95, **save)
    return buffer.getvalue()


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def test_a_photograph_renders_in_every_size_in_its_colours(render: Render) -> None:
    source = pyvips.Image.new_from_buffer(photo("fig.jpg"), "").resize(0.25).copy_memory()
    original = heic(source, chroma=444)
    assert sniff(original[:HEAD_BYTES]) == "image/heic"
    variants = render(original)
    assert [variant.width for variant in variants.values()] == [360, 360, 150]
    assert abs(pixels(variants["full"]) - source).avg() < 5


@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_comes_out_upright(render: Render, orientation: int) -> None:
    stored = STORED[orientation](corners().resize(2, kernel="nearest"))
    full = render(heic(stored, exif=exif(orientation)))["full"]
    assert (full.width, full.height) == (160, 120)
    for x, y, expected in ((20, 20, RED), (140, 20, GREEN), (20, 100, BLUE), (140, 100, WHITE)):
        assert colour(full, x, y) == pytest.approx(expected, abs=12)


def test_what_is_half_transparent_stays_so(render: Render) -> None:
    for variant in render(heic(plain(300, 64, [*RED, 128]))).values():
        assert colour(variant, 32, 10) == pytest.approx([*RED, 128], abs=6)


def test_premultiplied_transparency_becomes_plain(render: Render) -> None:
    file = pillow_heif.from_bytes("RGBa", (64, 64), bytes([100, 20, 20, 128]) * 64 * 64)
    buffer = BytesIO()
    file.save(buffer, quality=95)
    full = render(buffer.getvalue())["full"]
    assert colour(full, 32, 32) == pytest.approx([199, 40, 40, 128], abs=8)


def test_more_than_eight_bits_become_eight(render: Render) -> None:
    deep = (plain(64, 64, [90]).cast("ushort") * 257).cast("ushort")
    full = render(heic(deep.copy(interpretation="grey16")))["full"]
    assert colour(full, 32, 32) == pytest.approx([90] * 3, abs=4)


def test_display_p3_becomes_the_same_colour_in_srgb(render: Render) -> None:
    wide = plain(64, 64, RED).icc_transform("p3", input_profile="srgb")
    assert wide(32, 32) != pytest.approx(RED, abs=6)
    assert colour(render(heic(wide, chroma=444))["full"], 32, 32) == pytest.approx(RED, abs=6)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_refused_not_half_shown(render: Render, kept: float) -> None:
    whole = heic(pyvips.Image.new_from_buffer(photo("fig.jpg"), "").resize(0.25))
    with pytest.raises(Corrupt) as refusal:
        render(whole[: int(kept * len(whole))])
    assert refusal.value.reason == "damaged"


@pytest.mark.parametrize("box", [b"pitm", b"iloc", b"ipco", b"hvcC", b"ispe", b"infe"])
def test_a_file_without_a_box_it_needs_is_refused(render: Render, box: bytes) -> None:
    whole = heic(plain(64, 64, RED))
    assert box in whole
    with pytest.raises(Corrupt) as refusal:
        render(whole.replace(box, b"free"))
    assert refusal.value.reason == "damaged"


@pytest.mark.parametrize("limit", [11_999, 12_000, 12_001])
def test_the_pixel_limit_holds_exactly(
    render: Render, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(bounds, "IMAGE_PIXELS_MAX", limit)
    original = heic(plain(120, 100, GREEN))
    if limit < 12_000:
        with pytest.raises(Corrupt, match="megapixels"):
            render(original)
    else:
        assert render(original)


def test_another_codec_under_its_brand_is_refused(render: Render) -> None:
    original = plain(64, 64, RED).write_to_buffer(".avif").replace(b"avif", b"heic", 1)
    original = original[:16] + original[16:64].replace(b"avif", b"heic") + original[64:]
    assert sniff(original[:HEAD_BYTES]) == "image/heic"
    with pytest.raises(Corrupt) as refusal:
        render(original)
    assert refusal.value.reason == "damaged"


def test_no_other_photograph_loads_its_decoder() -> None:
    code = (
        "import sys; from pathlib import Path; from instastream.images import variants;"
        f"variants.render(Path({str(PHOTOS / 'dogs.jpg')!r}).read_bytes());"
        "sys.exit('pillow_heif' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
