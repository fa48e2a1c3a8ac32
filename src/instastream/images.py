"""The only place that decodes photographs: hostile bytes in, clean WebP variants out.

Import it in a process that may die (see rendering.py), never in one that serves. HEIC is decoded in
heic.py, what costs too much is refused in bounds.py; both are for this module alone.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyvips

from instastream import webp
from instastream.bounds import check_parts, check_pixels, check_size
from instastream.errors import Corrupt
from instastream.media import (
    HEAD_BYTES,
    VARIANT_RATIO_MAX,
    VARIANTS,
    Rendered,
    Rendering,
    VariantSpec,
    sniff,
)

# Everything else that libvips can load stays blocked.
LOADERS = {
    "image/jpeg": ("VipsForeignLoadJpeg", "jpegload_buffer"),
    "image/png": ("VipsForeignLoadPng", "pngload_buffer"),
    "image/webp": ("VipsForeignLoadWebp", "webpload_buffer"),
    "image/gif": ("VipsForeignLoadNsgif", "gifload_buffer"),
    "image/avif": ("VipsForeignLoadHeif", "heifload_buffer"),
}
PLAIN = {"srgb", "b-w", "rgb16", "grey16"}  # encoded right without a colour transform


def render(path: Path) -> Rendering:
    """All that the photograph at `path` becomes; raises Corrupt when there can be none."""
    check_size(path)
    content = path.read_bytes()
    try:
        variants = [_encode(image, spec) for image, spec in _cascade(_widest(content))]
        return Rendering(variants, thumbhash="", colour="")
    except pyvips.Error as error:
        raise Corrupt("damaged", "The file is damaged or incomplete.") from error


def _widest(content: bytes) -> pyvips.Image:
    """The original, judged before a pixel is decoded, then scaled to the widest variant."""
    _allow_loaders()
    content_type = sniff(content[:HEAD_BYTES])
    if content_type is None:
        raise Corrupt("not-an-image", "The file is not a JPEG, PNG, WebP, GIF, HEIC or AVIF image.")
    if content_type == "image/heic":
        return _scaled_from_heic(content)
    check_parts(content, content_type)
    source = pyvips.Image.new_from_buffer(content, "")
    if source.get("vips-loader") != LOADERS[content_type][1]:
        raise Corrupt("not-an-image", f"The file begins like {content_type} but is not.")
    check_pixels(width=source.width, height=source.height)
    return _scaled(content, source)


@cache
def _allow_loaders() -> None:
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader, _ in LOADERS.values():
        pyvips.operation_block_set(loader, False)
    pyvips.cache_set_max(0)  # no two jobs are alike
    pyvips.concurrency_set(1)  # a process per core is faster than threads


def _scaled(content: bytes, source: pyvips.Image) -> pyvips.Image:
    widest = VARIANTS[0]
    # As an argument `fail_on` does nothing; without it a truncated file comes out half grey.
    return pyvips.Image.thumbnail_buffer(
        content,
        widest.width,
        height=_tallest(widest),
        size="down",
        option_string="fail_on=error",
        **_colours(source),
    ).copy_memory()


def _scaled_from_heic(content: bytes) -> pyvips.Image:
    from instastream import heic  # not above: no other photograph needs its decoder

    source = heic.decode(content)
    return _scaled_again(source, VARIANTS[0], **_colours(source))


def _scaled_again(image: pyvips.Image, spec: VariantSpec, **colours: str) -> pyvips.Image:
    return image.thumbnail_image(
        spec.width, height=_tallest(spec), size="down", **colours
    ).copy_memory()


def _tallest(spec: VariantSpec) -> int:
    return VARIANT_RATIO_MAX * spec.width


def _cascade(image: pyvips.Image) -> Iterator[tuple[pyvips.Image, VariantSpec]]:
    """Each variant scaled from the one before: 1.25 times as fast as each from the original."""
    widest, *rest = VARIANTS
    yield image, widest
    for spec in rest:
        image = _scaled_again(image, spec)
        yield image, spec


def _colours(source: pyvips.Image) -> dict[str, str]:
    """Convert to sRGB only where it changes anything: it costs up to half as much again."""
    has_profile = "icc-profile-data" in source.get_fields()
    if has_profile or source.interpretation not in PLAIN:
        return {"output_profile": "srgb"}
    return {}


def _encode(image: pyvips.Image, spec: VariantSpec) -> Rendered:
    content = webp.encode(image, quality=spec.quality, effort=spec.effort)
    return Rendered(spec.name, image.width, image.height, content)
