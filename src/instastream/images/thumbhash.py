"""Evan Wallace's ThumbHash: an image in some 25 bytes (https://github.com/evanw/thumbhash).

The package of that name gives the same bytes, more slowly, and raises for whatever is transparent.
"""

from collections.abc import Iterator, Sequence
from math import cos, pi
from operator import mul

from msgspec import Struct

Pixel = tuple[int, int, int, int]  # red, green, blue and opacity, each of 255


class _Channel(Struct, frozen=True):
    """One channel as cosine waves: their mean, the largest, and each from 0 to 15."""

    mean: float
    scale: float
    waves: list[int]


def thumbhash(width: int, height: int, pixels: Sequence[Pixel]) -> bytes:
    """The ThumbHash of an image of at most 100 x 100 pixels, given row by row."""
    opacity = [alpha / 255 for *_, alpha in pixels]
    has_alpha = sum(opacity) < len(pixels)
    longest = 5 if has_alpha else 7  # waves along the longer side
    across, down = (max(1, round(longest * side / max(width, height))) for side in (width, height))

    def channel(values: Sequence[float], across: int = 3, down: int = 3) -> _Channel:
        return _channel(values, width, height, across=across, down=down)

    light, yellow, red = _light_and_hues(pixels, opacity)
    shown = [channel(light, max(3, across), max(3, down)), channel(yellow), channel(red)]
    waves = [wave for each in shown for wave in each.waves]
    if has_alpha:
        alpha = channel(opacity, 5, 5)
        waves = [round(15 * alpha.mean), round(15 * alpha.scale), *waves, *alpha.waves]
    shape = (down if width > height else across) | (width > height) << 15
    return _head(*shown, has_alpha=has_alpha, shape=shape) + bytes(_paired(waves))


def _head(
    light: _Channel, yellow: _Channel, red: _Channel, *, has_alpha: bool, shape: int
) -> bytes:
    means = round(63 * light.mean) | round(31.5 + 31.5 * yellow.mean) << 6
    means |= round(31.5 + 31.5 * red.mean) << 12 | round(31 * light.scale) << 18 | has_alpha << 23
    scales = shape | round(63 * yellow.scale) << 3 | round(63 * red.scale) << 9
    return means.to_bytes(3, "little") + scales.to_bytes(2, "little")


def _light_and_hues(
    pixels: Sequence[Pixel], opacity: Sequence[float]
) -> tuple[list[float], list[float], list[float]]:
    """Light, yellow against blue, and red against green; the invisible takes the mean colour."""
    total = sum(opacity) or 1
    means = [
        sum(map(mul, band, opacity)) / 255 / total for band in list(zip(*pixels, strict=True))[:3]
    ]
    light, yellow, red = [], [], []
    for pixel, alpha in zip(pixels, opacity, strict=True):
        r, g, b = (
            mean * (1 - alpha) + alpha / 255 * band
            for mean, band in zip(means, pixel[:3], strict=True)
        )
        light.append((r + g + b) / 3)
        yellow.append((r + g) / 2 - b)
        red.append(r - g)
    return light, yellow, red


def _channel(
    values: Sequence[float], width: int, height: int, *, across: int, down: int
) -> _Channel:
    """Waves for each pair of frequencies below the diagonal of `across` x `down`, slow first."""
    columns, lines = _cosines(width, across), _cosines(height, down)
    rows = [values[at : at + width] for at in range(0, len(values), width)]
    by_row = [[sum(map(mul, row, column)) for row in rows] for column in columns]
    found = [
        sum(map(mul, by_row[x], lines[y])) / len(values)
        for y in range(down)
        for x in range(across)
        if x * down < across * (down - y)
    ]
    mean, *waves = found
    scale = max(map(abs, waves))
    half = 0.5 / scale if scale else 0
    return _Channel(
        mean, scale, [round(15 * (0.5 + half * wave)) if scale else 0 for wave in waves]
    )


def _cosines(length: int, count: int) -> list[list[float]]:
    return [[cos(pi / length * n * (at + 0.5)) for at in range(length)] for n in range(count)]


def _paired(nibbles: Sequence[int]) -> Iterator[int]:
    """Two to a byte, the first in its low half."""
    for at in range(0, len(nibbles), 2):
        low, high = (*nibbles[at : at + 2], 0)[:2]
        yield low | high << 4
