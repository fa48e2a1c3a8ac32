"""Refuses what would cost too much, before a pixel is decoded."""

from instastream.errors import Corrupt
from instastream.limits import (
    ANIMATION_FRAMES_MAX,
    ANIMATION_PIXELS_MAX,
    IMAGE_BYTES_MAX,
    IMAGE_PIXELS_MAX,
    JPEG_SCANS_MAX,
)

# How scans and frames begin; in entropy-coded data neither can occur by accident.
PARTS = {
    "image/jpeg": (b"\xff\xda", JPEG_SCANS_MAX),
    "image/webp": (b"ANMF", ANIMATION_FRAMES_MAX),
}


def check_size(size_bytes: int) -> None:
    """Refuse a file too large to be read."""
    if size_bytes > IMAGE_BYTES_MAX:
        raise Corrupt("too-many-bytes", f"The file is larger than {IMAGE_BYTES_MAX:,} bytes.")


def check_parts(content: bytes, content_type: str) -> None:
    """Refuse what takes a decoder minutes: passes over the same pixels, frames without end."""
    marker, most = PARTS.get(content_type, (b"", 0))
    if marker and content.count(marker) > most:
        raise Corrupt("too-many-parts", f"The image has more than {most:,} scans or frames.")


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
