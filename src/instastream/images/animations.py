"""All frames of an animation as one animated WebP: the same timing, no wider than a phone.

For why WebP and no video, and for the figures, see docs/decisions/0010.
"""

from math import sqrt

import pyvips

from instastream.images.bounds import check_animation
from instastream.limits import ANIMATED_PIXELS_MAX
from instastream.media import ANIMATED, VARIANT_RATIO_MAX, Rendered


def render(content: bytes, source: pyvips.Image, **colours: str) -> list[Rendered]:
    """The animation, or nothing for a still; `source` is the first frame's header."""
    frames = _frame_count(source)
    if frames == 1:
        return []
    check_animation(width=source.width, height=source.height, frames=frames)
    width = _width(source, frames)
    image = pyvips.Image.thumbnail_buffer(
        content,
        width,
        height=VARIANT_RATIO_MAX * width,
        size="down",
        option_string="n=-1,fail_on=error",
        no_rotate=True,  # it would turn all frames at once, as if they were one image
        **colours,
    ).copy_memory()
    encoded = image.webpsave_buffer(Q=ANIMATED.quality, effort=ANIMATED.effort, keep="none")
    return [Rendered(ANIMATED.name, image.width, image.get("page-height"), encoded)]


def _frame_count(source: pyvips.Image) -> int:
    """More than one only of GIF and WebP; the pages of an AVIF are images of their own."""
    if "delay" not in source.get_fields():
        return 1
    return int(source.get("n-pages"))


def _width(source: pyvips.Image, frames: int) -> int:
    """The usual one, or so much less that all frames together stay within bounds."""
    pixels = source.width * source.height * frames
    affordable = source.width * sqrt(ANIMATED_PIXELS_MAX / pixels)
    return max(1, min(ANIMATED.width, int(affordable)))
