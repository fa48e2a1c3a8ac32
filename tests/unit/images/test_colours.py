"""Colours are those of the original: as LittleCMS converts them, seen by CIEDE2000."""

import struct
from io import BytesIO
from itertools import product

import pytest
import pyvips
from PIL import Image, ImageCms

from instastream.images.colours import conversion
from tests.unit.images.conftest import Render
from tests.unit.images.test_variants import pixels

PATCH = 32  # pixels a side: two of WebP's macroblocks, so that the middle has no neighbour in it
MEAN_MAX, WORST_MAX = 0.6, 1.5  # 1 is just noticeable side by side; WebP alone takes up to 0.5
LOSSLESS: dict[str, dict[str, object]] = {".png": {}, ".jpg": {"Q": 100, "subsample_mode": "off"}}
LEVELS = (0, 64, 128, 192, 255)
RGB = [bytes(colour) for colour in product(LEVELS, repeat=3)]
CMYK = [bytes([*inks, black]) for inks in product((0, 85, 170), repeat=3) for black in (0, 60, 120)]
GREY = [bytes([level]) for level in range(0, 256, 5)]


def chart(colours: list[bytes], interpretation: str) -> pyvips.Image:
    """A column of square patches: in the full variant none is scaled."""
    return column(b"".join(colours), len(colours[0]), interpretation).zoom(PATCH, PATCH)


def column(colours: bytes, bands: int, interpretation: str) -> pyvips.Image:
    image = pyvips.Image.new_from_memory(colours, 1, len(colours) // bands, bands, "uchar")
    return image.copy(interpretation=interpretation)


def with_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image


def built_in(name: str) -> bytes:
    """One of the profiles that libvips carries."""
    white = pyvips.Image.black(1, 1, bands=3).copy(interpretation="srgb")
    profile = white.icc_transform(name, input_profile="srgb").get("icc-profile-data")
    assert isinstance(profile, bytes)
    return profile


def adobe_rgb() -> bytes:
    """Adobe RGB (1998) as a minimal ICC profile: its primaries at D50, gamma 563/256."""

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65_536)) for v in values)

    gamma = b"curv" + struct.pack(">IIHH", 0, 1, 563, 0)
    tags = {
        b"wtpt": xyz(0.9642, 1, 0.8249),
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
        b"rTRC": gamma,
        b"gTRC": gamma,
        b"bTRC": gamma,
    }
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    head = (
        struct.pack(">I4xI12s12x4s24x", at + len(body), 0x02100000, b"mntrRGB XYZ ", b"acsp")
        + xyz(0.9642, 1, 0.8249)[8:]
    )
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def by_littlecms(colours: list[bytes], mode: str, profile: bytes) -> pyvips.Image:
    row = Image.frombytes(mode, (1, len(colours)), b"".join(colours))
    converted = ImageCms.profileToProfile(
        row,
        ImageCms.ImageCmsProfile(BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
    )
    assert converted
    return column(converted.tobytes(), 3, "srgb")


def difference(render: Render, original: bytes, expected: pyvips.Image) -> tuple[float, float]:
    """Mean and worst CIEDE2000 of the patches' middles."""
    full = pixels(render(original)["full"])[0:3].copy_memory()
    middles = [full(PATCH // 2, y) for y in range(PATCH // 2, full.height, PATCH)]
    found = column(bytes(int(band) for middle in middles for band in middle), 3, "srgb")
    each = found.colourspace("lab").dE00(expected.colourspace("lab"))
    return each.avg(), each.max()


def check(render: Render, original: bytes, expected: pyvips.Image) -> None:
    mean, worst = difference(render, original, expected)
    assert mean < MEAN_MAX, (mean, worst)
    assert worst < WORST_MAX, (mean, worst)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize(
    "profile", [built_in("srgb"), built_in("p3"), adobe_rgb()], ids=["srgb", "p3", "adobe"]
)
def test_rgb_of_every_profile(render: Render, suffix: str, profile: bytes) -> None:
    original = with_profile(chart(RGB, "srgb"), profile).write_to_buffer(suffix, **LOSSLESS[suffix])
    check(render, original, by_littlecms(RGB, "RGB", profile))


def test_a_wide_profile_makes_a_difference() -> None:
    """Or the test above could not tell whether anything was converted."""
    plain = column(b"".join(RGB), 3, "srgb").colourspace("lab")
    for profile in (built_in("p3"), adobe_rgb()):
        converted = by_littlecms(RGB, "RGB", profile).colourspace("lab")
        assert plain.dE00(converted).avg() > 2 * MEAN_MAX


@pytest.mark.parametrize(
    ("profile", "converted"),
    [(built_in("srgb"), False), (b"broken", False), (built_in("p3"), True), (adobe_rgb(), True)],
    ids=["srgb", "broken", "p3", "adobe"],
)
def test_only_a_profile_that_changes_a_colour_is_applied(profile: bytes, converted: bool) -> None:
    image = with_profile(chart(RGB, "srgb"), profile)
    assert bool(conversion(image)) == converted


def test_the_profile_of_srgb_changes_no_byte(render: Render) -> None:
    plain = chart(RGB, "srgb")
    tagged = with_profile(plain, built_in("srgb"))
    assert render(tagged.write_to_buffer(".png")) == render(plain.write_to_buffer(".png"))


@pytest.mark.parametrize("space", ["cmyk", "b-w", "rgb16"])
def test_what_is_not_rgb_of_eight_bits_is_converted_by_any_profile(space: str) -> None:
    image = with_profile(chart(RGB, "srgb").colourspace(space), built_in("srgb"))
    assert conversion(image)


def test_rgb_without_a_profile_is_srgb(render: Render) -> None:
    original = chart(RGB, "srgb").write_to_buffer(".png")
    check(render, original, column(b"".join(RGB), 3, "srgb"))


def test_sixteen_bits_with_a_profile(render: Render) -> None:
    deep = (chart(RGB, "srgb").cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
    profile = built_in("p3")
    original = with_profile(deep, profile).write_to_buffer(".png")
    assert pyvips.Image.new_from_buffer(original, "").format == "ushort"
    check(render, original, by_littlecms(RGB, "RGB", profile))


@pytest.mark.parametrize("has_profile", [True, False])
def test_cmyk(render: Render, has_profile: bool) -> None:
    """Without a profile it is taken for the one that libvips carries."""
    profile = built_in("cmyk")
    inks = chart(CMYK, "cmyk")
    printed = with_profile(inks, profile) if has_profile else inks
    original = printed.write_to_buffer(".jpg", **LOSSLESS[".jpg"])
    header = pyvips.Image.new_from_buffer(original, "")
    assert (header.bands, "icc-profile-data" in header.get_fields()) == (4, has_profile)
    check(render, original, by_littlecms(CMYK, "CMYK", profile))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_grey(render: Render, suffix: str) -> None:
    original = chart(GREY, "b-w").write_to_buffer(suffix, **LOSSLESS[suffix])
    check(render, original, column(b"".join(3 * level for level in GREY), 3, "srgb"))
