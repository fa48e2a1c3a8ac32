"""Decodes HEIC, which the libvips wheel cannot: the same image as libvips would hand over.

Importing it costs 40 ms and Pillow: import it when such a photograph has come.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pillow_heif
import pyvips
from pillow_heif import HeifImage

from instastream.errors import Corrupt
from instastream.images.bounds import check_pixels

# One process a core is faster than threads; nothing but the photograph itself is decoded.
pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.THUMBNAILS = False
pillow_heif.options.DEPTH_IMAGES = False
pillow_heif.options.AUX_IMAGES = False

# How libvips names what pillow_heif names: bands, format, interpretation.
LAYOUTS = {
    "L": (1, "uchar", "b-w"),
    "I;16": (1, "ushort", "grey16"),  # the one mode that is not brought down to 8 bits
    "RGB": (3, "uchar", "srgb"),
    "RGBA": (4, "uchar", "srgb"),
    "RGBa": (4, "uchar", "srgb"),
}


def decode(content: bytes) -> pyvips.Image:
    """The primary image of a HEIC file, upright, with its colour profile."""
    with _blamed_on_the_file():
        opened = pillow_heif.open_heif(content)
        photograph = opened[opened.primary_index]
    width, height = photograph.size  # libheif decodes no more than this
    if not width * height:  # unless it is missing
        raise Corrupt("damaged", "The file does not say how large the image is.")
    check_pixels(width=width, height=height)
    with _blamed_on_the_file():
        return _image(photograph, photograph.data)


@contextmanager
def _blamed_on_the_file() -> Iterator[None]:
    """pillow_heif parses in Python: a hostile file can make it raise whatever Python has."""
    try:
        yield
    except MemoryError:
        raise  # the limit of this process
    except Exception as error:
        raise Corrupt("damaged", "The file is damaged or incomplete.") from error


def _image(photograph: HeifImage, pixels: bytes) -> pyvips.Image:
    width, height = photograph.size  # of what was decoded: rotated and cropped
    bands, samples, interpretation = LAYOUTS[photograph.mode]
    image = pyvips.Image.new_from_memory(pixels, width, height, bands, samples)
    image = image.copy(interpretation=interpretation)
    if photograph.premultiplied_alpha:
        image = image.unpremultiply().cast(samples)
    if profile := photograph.info.get("icc_profile"):
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image
