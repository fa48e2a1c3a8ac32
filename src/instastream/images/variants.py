"""The only place that decodes photographs: hostile bytes in, clean WebP variants out.

Import it in a process that may die (see pool.py), never in one that serves. HEIC is decoded in
heic.py, animations are made in animations.py; both are for this module alone.
"""

from collections.abc import Iterator
from functools import cache

import pyvips
from msgspec.structs import replace

from instastream.errors import Corrupt
from instastream.images import animations, webp
from instastream.images.bounds import check_parts, check_pixels
from instastream.images.colours import conversion
from instastream.images.placeholders import placeholders
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
JPEG_SHRINKS = (1, 2, 4, 8)  # what its transform can skip
WIDEST = VARIANTS[0]


def render(content: bytes) -> Rendering:
    """All that a photograph becomes; raises Corrupt when there can be none."""
    content = _as_still(content)
    try:
        return _rendering(content, _open(content))
    except (pyvips.Error, UnicodeDecodeError) as error:  # what libvips says may quote the file
        pyvips.vips_lib.vips_error_clear()  # or what can't be decoded spoils every later error
        raise Corrupt("damaged", "The file is damaged or incomplete.") from error


def _as_still(content: bytes) -> bytes:
    """An animated AVIF says first that it is one; its cover is all that libvips could load."""
    if content[4:12] == b"ftypavis":
        return content[:8] + b"avif" + content[12:]
    return content


def _open(content: bytes) -> pyvips.Image:
    """The original, judged before a pixel is decoded: its header or, of HEIC, its pixels."""
    _allow_loaders()
    content_type = sniff(content[:HEAD_BYTES])
    if content_type is None:
        raise Corrupt("not-an-image", "The file is not a JPEG, PNG, WebP, GIF, HEIC or AVIF image.")
    if content_type == "image/heic":
        from instastream.images import heic  # not above: no other photograph needs its decoder

        return heic.decode(content)
    check_parts(content, content_type)
    source = pyvips.Image.new_from_buffer(content, "")
    if source.get("vips-loader") != LOADERS[content_type][1]:
        raise Corrupt("not-an-image", f"The file begins like {content_type} but is not.")
    check_pixels(width=source.width, height=source.height)
    return source


def _rendering(content: bytes, source: pyvips.Image) -> Rendering:
    animated = animations.render(content, source, **conversion(source))
    images = list(_cascade(_widest(content, source)))
    variants = _encoded(images)
    thumbhash, colour = placeholders(images[-1])
    return Rendering([*variants, *animated], thumbhash=thumbhash, colour=colour)


@cache
def _allow_loaders() -> None:
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader, _ in LOADERS.values():
        pyvips.operation_block_set(loader, False)
    pyvips.cache_set_max(0)  # no two jobs are alike
    pyvips.concurrency_set(1)  # a process per core is faster than threads


def _widest(content: bytes, source: pyvips.Image) -> pyvips.Image:
    if "vips-loader" not in source.get_fields():  # decoded already
        return _scaled(source, WIDEST, **conversion(source))
    if (shrink := _shrink(source)) > 1:
        small = pyvips.Image.new_from_buffer(
            content, "", shrink=shrink, fail_on="error", access="sequential"
        )
        return _scaled(small, WIDEST, **conversion(source))
    # As an argument `fail_on` does nothing; without it a truncated file comes out half grey.
    return pyvips.Image.thumbnail_buffer(
        content,
        WIDEST.width,
        height=VARIANT_RATIO_MAX * WIDEST.width,
        size="down",
        option_string="fail_on=error",
        **conversion(source),
    ).copy_memory()


def _shrink(source: pyvips.Image) -> int:
    """How much smaller a JPEG may be decoded, which costs less; libvips leaves twice the width."""
    if source.get("vips-loader") != LOADERS["image/jpeg"][1]:
        return 1
    width = source.height if _lies_on_its_side(source) else source.width
    return max(shrink for shrink in JPEG_SHRINKS if shrink == 1 or width >= shrink * WIDEST.width)


def _lies_on_its_side(source: pyvips.Image) -> bool:
    return "orientation" in source.get_fields() and source.get("orientation") >= 5


def _cascade(image: pyvips.Image) -> Iterator[pyvips.Image]:
    """Each variant scaled from the one before: 1.25 times as fast as each from the original."""
    yield image
    for spec in VARIANTS[1:]:
        image = _scaled(image, spec)
        yield image


def _scaled(image: pyvips.Image, spec: VariantSpec, **colours: str) -> pyvips.Image:
    height = VARIANT_RATIO_MAX * spec.width
    return image.thumbnail_image(spec.width, height=height, size="down", **colours).copy_memory()


def _encoded(images: list[pyvips.Image]) -> list[Rendered]:
    """Each image as its variant; those that were not scaled are one picture, and one encoding."""
    encoded: list[Rendered] = []
    for image, spec in zip(images, VARIANTS, strict=True):
        wider = encoded[-1] if encoded else None
        if wider and (wider.width, wider.height) == (image.width, image.height):
            encoded.append(replace(wider, name=spec.name))
        else:
            encoded.append(_encode(image, spec))
    return encoded


def _encode(image: pyvips.Image, spec: VariantSpec) -> Rendered:
    content = webp.encode(image, quality=spec.quality, effort=spec.effort)
    return Rendered(spec.name, image.width, image.height, content)
