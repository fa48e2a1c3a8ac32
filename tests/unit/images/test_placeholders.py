"""What is shown before a photograph has arrived looks like it, and costs next to nothing."""

from base64 import b64decode, b64encode
from random import Random

import pytest
import pyvips
import thumbhash as reference

from instastream.images import variants
from instastream.images.placeholders import SIDE, dominant, placeholders
from instastream.images.thumbhash import Pixel, thumbhash
from tests.unit.images.conftest import photo, plain
from tests.unit.images.test_variants import BLUE, PHOTO_NAMES, RED


def noise(width: int, height: int) -> list[Pixel]:
    random = Random(100 * width + height)
    return [(*random.randbytes(3), 255) for _ in range(width * height)]


def flat(pixels: list[Pixel]) -> list[int]:
    return [band for pixel in pixels for band in pixel]


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (1, 32), (32, 1), (2, 3), (32, 24), (24, 32), (32, 32), (7, 31)]
)
def test_a_thumbhash_is_that_of_its_reference(width: int, height: int) -> None:
    pixels = noise(width, height)
    expected = bytes(reference.rgba_to_thumb_hash(width, height, flat(pixels)))
    assert thumbhash(width, height, pixels) == expected


def test_a_transparent_one_too() -> None:
    """As the original in JavaScript, 0.1.1, says: its Python port raises."""
    pixels = [
        ((7 * x + y) % 256, 12 * y % 256, 8 * x % 256, x * y % 256)
        for y in range(20)
        for x in range(30)
    ]
    assert b64encode(thumbhash(30, 20, pixels)) == b"4veFE4YVwJi0d4o/cAz8ODCFcKqjWYo="


def test_a_flat_image_is_flat_in_its_thumbhash() -> None:
    hashed = thumbhash(8, 8, [(128, 128, 128, 255)] * 64)
    decoded = reference.thumb_hash_to_rgba(list(hashed))[2]
    assert decoded[0] == pytest.approx(128, abs=6)
    assert decoded == decoded[:4] * (len(decoded) // 4)


def test_what_is_all_transparent_has_placeholders_too() -> None:
    hashed, colour = placeholders(plain(40, 40, [*RED, 0]))
    assert len(b64decode(hashed)) > 5
    assert colour == "#ffffff"


def test_the_dominant_colour_is_the_most_frequent_and_not_the_mean() -> None:
    red, blue = (220, 30, 30, 255), (30, 40, 210, 255)
    assert dominant([red] * 6 + [blue] * 4) == "#dc1e1e"
    assert dominant([red] * 4 + [blue] * 6) == "#1e28d2"


def test_shades_of_one_colour_count_together() -> None:
    blue, dark, bright = (30, 40, 210, 255), (130, 10, 10, 255), (150, 20, 20, 255)
    assert dominant([blue] * 3 + [dark, bright] * 2) == "#8c0f0f"


def test_of_equally_frequent_colours_the_topmost_is_taken() -> None:
    assert dominant([(255, 0, 0, 255), (0, 0, 255, 255)]) == "#ff0000"


def test_transparent_pixels_do_not_count() -> None:
    clear, seen = (255, 0, 0, 127), (0, 0, 255, 128)
    assert dominant([clear] * 9 + [seen]) == "#0000ff"
    assert dominant([clear]) == "#ffffff"


@pytest.mark.parametrize(
    "image",
    [
        plain(40, 30, [90]),
        plain(40, 30, [90, 128]),
        (plain(40, 30, [90]).cast("ushort") * 257).cast("ushort").copy(interpretation="grey16"),
        (plain(40, 30, 3 * [90]).cast("ushort") * 257).cast("ushort").copy(interpretation="rgb16"),
    ],
    ids=["grey", "grey with alpha", "deep grey", "deep colour"],
)
def test_whatever_its_bands_an_image_has_its_colour(image: pyvips.Image) -> None:
    colour = bytes.fromhex(placeholders(image)[1][1:])
    assert [*colour] == pytest.approx([90] * 3, abs=1)


@pytest.mark.parametrize("name", PHOTO_NAMES)
def test_every_committed_photograph_has_both(name: str) -> None:
    rendering = variants.render(photo(name))
    assert 10 < len(b64decode(rendering.thumbhash)) < 40
    assert rendering.colour.startswith("#")
    assert len(bytes.fromhex(rendering.colour[1:])) == 3


def test_a_rendering_says_what_it_was_made_of() -> None:
    rendering = variants.render(plain(400, 300, BLUE).write_to_buffer(".png"))
    average = reference.thumb_hash_to_average_rgba(list(b64decode(rendering.thumbhash)))
    assert [255 * band for band in average] == pytest.approx([*BLUE, 255], abs=8)
    assert [*bytes.fromhex(rendering.colour[1:])] == pytest.approx(BLUE, abs=2)


@pytest.mark.parametrize(("width", "height"), [(2_048, 2_048), (8_192, 33), (33, 8_192)])
def test_no_more_is_looked_at_of_a_large_image(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    seen: list[int] = []

    def looked_at(width: int, height: int, pixels: list[Pixel]) -> bytes:
        seen.append(len(pixels))
        return thumbhash(width, height, pixels)

    monkeypatch.setattr("instastream.images.placeholders.thumbhash", looked_at)
    placeholders(plain(width, height, BLUE))
    assert seen[0] <= SIDE**2
