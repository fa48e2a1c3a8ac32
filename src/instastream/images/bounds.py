"""Refuses what would cost too much, before a pixel is decoded."""

import re

from instastream.errors import Corrupt
from instastream.limits import (
    ANIMATION_FRAMES_MAX,
    ANIMATION_PIXELS_MAX,
    IMAGE_BYTES_MAX,
    IMAGE_PIXELS_MAX,
    JPEG_SCANS_MAX,
)

# A JPEG's markers that are followed by a length, or end it: neither restarts nor stuffed bytes.
MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")
SCAN, END = b"\xda", b"\xd9"
FRAME = b"ANMF"  # how a frame of a WebP begins


def check_size(size_bytes: int) -> None:
    """Refuse a file too large to be read."""
    if size_bytes > IMAGE_BYTES_MAX:
        raise Corrupt("too-many-bytes", f"The file is larger than {IMAGE_BYTES_MAX:,} bytes.")


def check_parts(content: bytes, content_type: str) -> None:
    """Refuse what takes a decoder minutes: passes over the same pixels, frames without end."""
    if content_type == "image/jpeg" and _scans(content) > JPEG_SCANS_MAX:
        raise Corrupt("too-many-parts", f"The image has more than {JPEG_SCANS_MAX:,} scans.")
    if content_type == "image/webp" and content.count(FRAME) > ANIMATION_FRAMES_MAX:
        raise Corrupt("too-many-parts", f"The image has more than {ANIMATION_FRAMES_MAX:,} frames.")


def _scans(content: bytes) -> int:
    """Passes over a JPEG's pixels; a phone may put a video behind its end, which is not its own."""
    scans, at = 0, 2
    while scans <= JPEG_SCANS_MAX and (marker := MARKER.search(content, at)):
        if marker[1] == END:
            break
        scans += marker[1] == SCAN
        at = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
    return scans


def check_pixels(*, width: int, height: int) -> None:
    """Refuse more pixels than a process may hold."""
    if width * height > IMAGE_PIXELS_MAX:
        millions = IMAGE_PIXELS_MAX // 1_000_000
        raise Corrupt("too-many-pixels", f"The image has more than {millions} megapixels.")


def check_animation(*, width: int, height: int, frames: int) -> None:
    """Refuse more frames, or more pixels in all of them, than take a few seconds."""
    if frames > ANIMATION_FRAMES_MAX:
        raise Corrupt(
            "too-many-parts", f"The animation has more than {ANIMATION_FRAMES_MAX:,} frames."
        )
    if width * height * frames > ANIMATION_PIXELS_MAX:
        millions = ANIMATION_PIXELS_MAX // 1_000_000
        message = f"The animation's frames have more than {millions} megapixels together."
        raise Corrupt("too-many-pixels", message)
