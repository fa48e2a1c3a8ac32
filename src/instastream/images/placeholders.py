"""What is shown until a photograph has arrived: its ThumbHash and its dominant colour."""

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence

import pyvips

from instastream.images.thumbhash import Pixel, thumbhash

SIDE = 32  # pixels looked at: seven waves a side is the finest that a ThumbHash says
VISIBLE = 128  # of 255: what is more transparent has no colour
BIN_BITS = 3  # kept of each of red, green and blue: 512 colours to choose from
INVISIBLE = "#ffffff"  # the colour of what has none


def placeholders(image: pyvips.Image) -> tuple[str, str]:
    """The ThumbHash as base64, and the dominant colour as "#rrggbb"."""
    small = _rgba(image.thumbnail_image(SIDE, height=SIDE, size="down"))
    flat = iter(bytes(small.write_to_memory()))
    pixels = list(zip(flat, flat, flat, flat, strict=True))
    return b64encode(thumbhash(small.width, small.height, pixels)).decode(), dominant(pixels)


def _rgba(image: pyvips.Image) -> pyvips.Image:
    image = image.colourspace("srgb").cast("uchar")
    return image if image.bands == 4 else image.bandjoin([255])


def dominant(pixels: Sequence[Pixel]) -> str:
    """The mean of those visible pixels that share the most frequent of 512 coarse colours.

    Unlike the mean of all it is a colour that is there. Of equals the topmost is taken.
    """
    visible = [pixel[:3] for pixel in pixels if pixel[3] >= VISIBLE]
    if not visible:
        return INVISIBLE
    most, count = Counter(map(_bin, visible)).most_common(1)[0]
    sums = map(sum, zip(*(pixel for pixel in visible if _bin(pixel) == most), strict=True))
    return "#" + "".join(f"{round(total / count):02x}" for total in sums)


def _bin(pixel: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = pixel
    return red >> 8 - BIN_BITS, green >> 8 - BIN_BITS, blue >> 8 - BIN_BITS
