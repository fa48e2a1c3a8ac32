"""The only place that decodes photographs: hostile bytes in, clean WebP variants out.

Import it in a process that may die (see rendering.py), never in one that serves.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyvips

from instastream.errors import Corrupt
from instastream.limits import (
    IMAGE_BYTES_MAX,
    IMAGE_PIXELS_MAX,
    JPEG_SCANS_MAX,
    WEBP_FRAMES_MAX,
)
from instastream.media import HEAD_BYTES, VARIANTS, Rendered, Rendering, VariantSpec, sniff

# Everything else that libvips can load stays blocked.
LOADERS = {
    "image/jpeg": ("VipsForeignLoadJpeg", "jpegload_buffer"),
    "image/png": ("VipsForeignLoadPng", "pngload_buffer"),
    "image/webp": ("VipsForeignLoadWebp", "webpload_buffer"),
    "image/gif": ("VipsForeignLoadNsgif", "gifload_buffer"),
    "image/avif": ("VipsForeignLoadHeif", "heifload_buffer"),
}
# How scans and frames begin; in entropy-coded data neither can occur by accident.
PARTS = {"image/jpeg": (b"\xff\xda", JPEG_SCANS_MAX), "image/webp": (b"ANMF", WEBP_FRAMES_MAX)}
WEBP_SIDE_MAX = 16_383  # the format's own limit
PLAIN = {"srgb", "b-w", "rgb16", "grey16"}  # encoded right without a colour transform


def render(path: Path) -> Rendering:
    """All that the photograph at `path` becomes; raises Corrupt when there can be none."""
    content = _read(path)
    try:
        source = _open(content)
        variants = [_encode(image, spec) for image, spec in _cascade(content, source)]
        return Rendering(variants, thumbhash="", colour="")
    except pyvips.Error as error:
        raise Corrupt("damaged", "The file is damaged or incomplete.") from error


def _read(path: Path) -> bytes:
    if path.stat().st_size > IMAGE_BYTES_MAX:
        raise Corrupt("too-many-bytes", f"The file is larger than {IMAGE_BYTES_MAX:,} bytes.")
    return path.read_bytes()


def _open(content: bytes) -> pyvips.Image:
    """The header, judged before a pixel is decoded."""
    _allow_loaders()
    content_type = sniff(content[:HEAD_BYTES])
    if content_type is None:
        raise Corrupt("not-an-image", "The file is not a JPEG, PNG, WebP, GIF or AVIF image.")
    _check_parts(content, content_type)
    source = pyvips.Image.new_from_buffer(content, "")
    if source.get("vips-loader") != LOADERS[content_type][1]:
        raise Corrupt("not-an-image", f"The file begins like {content_type} but is not.")
    if source.width * source.height > IMAGE_PIXELS_MAX:
        raise Corrupt(
            "too-many-pixels",
            f"The image has more than {IMAGE_PIXELS_MAX // 1_000_000} megapixels.",
        )
    return source


def _check_parts(content: bytes, content_type: str) -> None:
    """Refuse what takes a decoder minutes: passes over the same pixels, frames without end."""
    marker, most = PARTS.get(content_type, (b"", 0))
    if marker and content.count(marker) > most:
        raise Corrupt("too-many-parts", f"The image has more than {most:,} scans or frames.")


@cache
def _allow_loaders() -> None:
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader, _ in LOADERS.values():
        pyvips.operation_block_set(loader, False)
    pyvips.cache_set_max(0)  # no two jobs are alike
    pyvips.concurrency_set(1)  # a process per core is faster than threads


def _cascade(content: bytes, source: pyvips.Image) -> Iterator[tuple[pyvips.Image, VariantSpec]]:
    """Each variant scaled from the one before: 1.25 times as fast as each from the original."""
    widest, *rest = VARIANTS
    # As an argument `fail_on` does nothing; without it a truncated file comes out half grey.
    image = pyvips.Image.thumbnail_buffer(
        content,
        widest.width,
        height=WEBP_SIDE_MAX,
        size="down",
        option_string="fail_on=error",
        **_colours(source),
    ).copy_memory()
    yield image, widest
    for spec in rest:
        image = image.thumbnail_image(spec.width, height=WEBP_SIDE_MAX, size="down").copy_memory()
        yield image, spec


def _colours(source: pyvips.Image) -> dict[str, str]:
    """Convert to sRGB only where it changes anything: it costs up to half as much again."""
    has_profile = "icc-profile-data" in source.get_fields()
    if has_profile or source.interpretation not in PLAIN:
        return {"output_profile": "srgb"}
    return {}


def _encode(image: pyvips.Image, spec: VariantSpec) -> Rendered:
    content = image.webpsave_buffer(Q=spec.quality, effort=spec.effort, keep="none")
    return Rendered(spec.name, image.width, image.height, content)
