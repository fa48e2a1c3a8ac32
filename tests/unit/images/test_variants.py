"""Photographs come out the right way up, in the right colours, in every size, and nothing else."""

from collections.abc import Callable

import pytest
import pyvips

from instastream.media import VARIANTS, Rendered
from tests.unit.images.conftest import PHOTOS, Render, photo, plain

PHOTO_NAMES = sorted(
    path.name for path in PHOTOS.iterdir() if path.suffix in {".jpg", ".png", ".webp"}
)
RED, GREEN, BLUE, WHITE = [220, 30, 30], [30, 200, 40], [30, 40, 210], [250, 250, 250]


def corners() -> pyvips.Image:
    """80 x 60: red, green over blue, white."""
    quarters = [plain(40, 30, colour) for colour in (RED, GREEN, BLUE, WHITE)]
    return pyvips.Image.arrayjoin(quarters, across=2)


def pixels(variant: Rendered) -> pyvips.Image:
    return pyvips.Image.new_from_buffer(variant.content, "")


def colour(variant: Rendered, x: int, y: int) -> list[float]:
    return pixels(variant)(x, y)


@pytest.mark.parametrize("name", PHOTO_NAMES)
def test_every_committed_photograph_renders_in_every_size(render: Render, name: str) -> None:
    variants = render(photo(name))
    assert list(variants) == [spec.name for spec in VARIANTS]
    for spec in VARIANTS:
        variant = variants[spec.name]
        decoded = pixels(variant)
        assert decoded.get("vips-loader") == "webpload_buffer"
        assert (decoded.width, decoded.height) == (variant.width, variant.height)
        assert variant.width <= spec.width
        assert len(variant.content) < 700_000


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (1, {"full": 1, "feed": 1, "thumb": 1}),
        (149, {"full": 149, "feed": 149, "thumb": 149}),
        (150, {"full": 150, "feed": 150, "thumb": 150}),
        (151, {"full": 151, "feed": 151, "thumb": 150}),
        (1081, {"full": 1081, "feed": 1080, "thumb": 150}),
        (2047, {"full": 2047, "feed": 1080, "thumb": 150}),
        (2048, {"full": 2048, "feed": 1080, "thumb": 150}),
        (2049, {"full": 2048, "feed": 1080, "thumb": 150}),
    ],
)
def test_a_photograph_is_scaled_down_to_each_width_but_never_up(
    render: Render, width: int, expected: dict[str, int]
) -> None:
    variants = render(plain(width, 40, GREEN).write_to_buffer(".jpg"))
    assert {name: variant.width for name, variant in variants.items()} == expected


@pytest.mark.parametrize(("width", "encoded"), [(1_081, 3), (1_080, 2), (151, 2), (150, 1)])
def test_what_is_not_scaled_is_encoded_once(render: Render, width: int, encoded: int) -> None:
    variants = render(plain(width, 40, GREEN).write_to_buffer(".png"))
    assert list(variants) == [spec.name for spec in VARIANTS]
    assert len({variant.content for variant in variants.values()}) == encoded


def test_the_shape_is_kept(render: Render) -> None:
    variants = render(plain(3000, 2000, GREEN).write_to_buffer(".jpg"))
    assert [(v.width, v.height) for v in variants.values()] == [
        (2048, 1365),
        (1080, 720),
        (150, 100),
    ]


@pytest.mark.parametrize(
    ("height", "expected"),
    [(8_000, (2048, 8_000)), (8_192, (2048, 8_192)), (16_384, (1024, 8_192))],
    ids=["under", "at", "over"],
)
def test_what_is_too_tall_becomes_narrower(
    render: Render, height: int, expected: tuple[int, int]
) -> None:
    full = render(plain(2048, height, GREEN).write_to_buffer(".png"))["full"]
    assert (full.width, full.height) == expected


def test_every_variant_of_a_tall_image_keeps_its_shape(render: Render) -> None:
    variants = render(plain(100, 16_000, GREEN).write_to_buffer(".png"))
    assert {name: (v.width, v.height) for name, v in variants.items()} == {
        "full": (51, 8_192),
        "feed": (27, 4_320),
        "thumb": (4, 600),
    }


STORED: dict[int, Callable[[pyvips.Image], pyvips.Image]] = {
    1: lambda upright: upright,
    2: lambda upright: upright.flip("horizontal"),
    3: lambda upright: upright.rot("d180"),
    4: lambda upright: upright.flip("vertical"),
    5: lambda upright: upright.rot("d90").flip("horizontal"),
    6: lambda upright: upright.rot("d270"),
    7: lambda upright: upright.rot("d270").flip("horizontal"),
    8: lambda upright: upright.rot("d90"),
}


@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_comes_out_upright(render: Render, orientation: int) -> None:
    stored = STORED[orientation](corners()).copy()
    stored.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    full = render(stored.write_to_buffer(".jpg", Q=95))["full"]
    assert (full.width, full.height) == (80, 60)
    assert colour(full, 10, 10) == pytest.approx(RED, abs=12)
    assert colour(full, 70, 10) == pytest.approx(GREEN, abs=12)
    assert colour(full, 10, 50) == pytest.approx(BLUE, abs=12)
    assert colour(full, 70, 50) == pytest.approx(WHITE, abs=12)


def test_a_portrait_stored_on_its_side_is_a_portrait_again(render: Render) -> None:
    variants = render(photo("dogs.jpg"))
    assert [(v.width, v.height) for v in variants.values()] == [
        (900, 1352),
        (900, 1352),
        (150, 225),
    ]


@pytest.mark.parametrize("original", [RED, GREEN, BLUE], ids=["red", "green", "blue"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif"])
def test_display_p3_becomes_the_same_colour_in_srgb(
    render: Render, original: list[int], suffix: str
) -> None:
    wide = plain(64, 64, original).icc_transform("p3", input_profile="srgb")
    full = render(wide.write_to_buffer(suffix, Q=100))["full"]
    assert colour(full, 32, 32) == pytest.approx(original, abs=6)
    if original == RED:  # or the test could not tell whether anything was converted
        assert wide(32, 32) != pytest.approx(original, abs=6)


@pytest.mark.parametrize("keep", ["icc", "none"])
def test_cmyk_keeps_its_colours_with_a_profile_and_without(render: Render, keep: str) -> None:
    printed = plain(64, 64, [180, 60, 50]).icc_transform("cmyk", input_profile="srgb")
    original = printed.write_to_buffer(".jpg", Q=95, keep=keep)
    assert pyvips.Image.new_from_buffer(original, "").bands == 4
    assert colour(render(original)["full"], 32, 32) == pytest.approx([180, 60, 50], abs=10)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_grey_stays_grey(render: Render, suffix: str) -> None:
    full = render(plain(64, 64, [90]).write_to_buffer(suffix))["full"]
    assert colour(full, 32, 32) == pytest.approx([90, 90, 90], abs=3)


def test_sixteen_bits_become_eight(render: Render) -> None:
    deep = (plain(64, 64, GREEN).cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16")
    grey = (plain(64, 64, [90]).cast("ushort") * 257).cast("ushort").copy(interpretation="grey16")
    full = render(deep.write_to_buffer(".png"))["full"]
    assert colour(full, 32, 32) == pytest.approx(GREEN, abs=4)
    full = render(grey.write_to_buffer(".png"))["full"]
    assert colour(full, 32, 32) == pytest.approx([90, 90, 90], abs=3)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".avif"])
def test_what_is_half_transparent_stays_so(render: Render, suffix: str) -> None:
    for variant in render(plain(300, 64, [*RED, 128]).write_to_buffer(suffix, Q=95)).values():
        assert colour(variant, 32, 10) == pytest.approx([*RED, 128], abs=6)


def test_the_edge_of_a_cut_out_has_no_dark_seam(render: Render) -> None:
    """Scaled without premultiplying, invisible black would bleed into the white."""
    left, right = plain(301, 300, [*WHITE, 255]), plain(299, 300, [0, 0, 0, 0])
    thumb = render(pyvips.Image.arrayjoin([left, right], across=2).write_to_buffer(".png"))["thumb"]
    visible = [p for p in (colour(thumb, x, 30) for x in range(150)) if p[3] > 100]
    assert 70 < len(visible) < 80
    assert min(min(pixel[:3]) for pixel in visible) > 200


def test_the_same_photograph_gives_the_same_bytes(render: Render) -> None:
    assert render(photo("sunset.jpg")) == render(photo("sunset.jpg"))
