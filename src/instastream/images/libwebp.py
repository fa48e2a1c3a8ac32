"""The encoder of libwebp as its own header has it, for Pillow's save copies all pixels twice more.

Calls the library that Pillow's wheel carries. Nothing is decoded here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import (
    CDLL,
    POINTER,
    Structure,
    byref,
    c_char,
    c_char_p,
    c_float,
    c_int,
    c_size_t,
    c_uint32,
    c_void_p,
    cast,
    string_at,
)
from typing import NoReturn

from PIL import _webp

ABI = 0x0210  # WEBP_ENCODER_ABI_VERSION of libwebp 1.5 and 1.6; others refuse it if it matters
PRESET_DEFAULT = 0
OUT_OF_MEMORY = {1, 2}  # VP8_ENC_ERROR_OUT_OF_MEMORY and _BITSTREAM_OUT_OF_MEMORY
REST = 64  # words at the end of a struct that only libwebp uses; it has fewer


class _Config(Structure):
    _fields_ = [
        ("lossless", c_int),
        ("quality", c_float),
        ("method", c_int),
        ("rest", c_int * REST),
    ]


class _Picture(Structure):
    _fields_ = [
        ("use_argb", c_int),
        ("colorspace", c_int),
        ("width", c_int),
        ("height", c_int),
        ("y", c_void_p),
        ("u", c_void_p),
        ("v", c_void_p),
        ("y_stride", c_int),
        ("uv_stride", c_int),
        ("a", c_void_p),
        ("a_stride", c_int),
        ("pad1", c_uint32 * 2),
        ("argb", c_void_p),
        ("argb_stride", c_int),
        ("pad2", c_uint32 * 3),
        ("writer", c_void_p),
        ("custom_ptr", c_void_p),
        ("extra_info_type", c_int),
        ("extra_info", c_void_p),
        ("stats", c_void_p),
        ("error_code", c_int),
        ("rest", c_void_p * REST),
    ]


class _Writer(Structure):
    _fields_ = [
        ("mem", c_void_p),
        ("size", c_size_t),
        ("max_size", c_size_t),
        ("rest", c_uint32 * REST),
    ]


_library = CDLL(_webp.__file__)  # a module's names include those of the libraries it needs
_library.WebPConfigInitInternal.argtypes = [POINTER(_Config), c_int, c_float, c_int]
_library.WebPPictureInitInternal.argtypes = [POINTER(_Picture), c_int]
_library.WebPPictureImportRGB.argtypes = [POINTER(_Picture), c_char_p, c_int]
_library.WebPPictureImportRGBA.argtypes = [POINTER(_Picture), c_char_p, c_int]
_library.WebPEncode.argtypes = [POINTER(_Config), POINTER(_Picture)]
_library.WebPPictureFree.argtypes = [POINTER(_Picture)]
_library.WebPPictureFree.restype = None
_library.WebPMemoryWriterInit.argtypes = [POINTER(_Writer)]
_library.WebPMemoryWriterInit.restype = None
_library.WebPMemoryWriterClear.argtypes = [POINTER(_Writer)]
_library.WebPMemoryWriterClear.restype = None
_import = {3: _library.WebPPictureImportRGB, 4: _library.WebPPictureImportRGBA}


def encode(
    pixels: bytearray | memoryview,
    *,
    width: int,
    height: int,
    bands: int,
    quality: int,
    effort: int,
) -> bytes:
    """A WebP of `pixels`, row by row, of 3 or 4 bytes each: red, green, blue and opacity.

    Quality goes from 0 to 100, effort from 0 to 6. `pixels` are left as they are.
    """
    if len(pixels) != width * height * bands:
        raise ValueError(f"{len(pixels)} bytes are not {width} x {height} pixels")
    config = _Config()
    _check(_library.WebPConfigInitInternal(byref(config), PRESET_DEFAULT, quality, ABI))
    config.method = effort
    first = cast((c_char * len(pixels)).from_buffer(pixels), c_char_p)
    with _picture() as picture, _writer(picture) as writer:
        picture.width, picture.height = width, height
        if not _import[bands](byref(picture), first, width * bands):
            _fail(picture)
        if not _library.WebPEncode(byref(config), byref(picture)):
            _fail(picture)
        return string_at(writer.mem, writer.size)


@contextmanager
def _picture() -> Iterator[_Picture]:
    picture = _Picture()
    _check(_library.WebPPictureInitInternal(byref(picture), ABI))
    try:
        yield picture
    finally:
        _library.WebPPictureFree(byref(picture))


@contextmanager
def _writer(picture: _Picture) -> Iterator[_Writer]:
    """Collects what is encoded of the picture."""
    writer = _Writer()
    _library.WebPMemoryWriterInit(byref(writer))
    picture.writer = cast(_library.WebPMemoryWrite, c_void_p)
    picture.custom_ptr = cast(byref(writer), c_void_p)
    try:
        yield writer
    finally:
        _library.WebPMemoryWriterClear(byref(writer))


def _check(known: int) -> None:
    if not known:
        raise RuntimeError("This libwebp is not one of those that ABI names.")


def _fail(picture: _Picture) -> NoReturn:
    if picture.error_code in OUT_OF_MEMORY:
        raise MemoryError
    raise RuntimeError(f"libwebp says {picture.error_code}, an error of its WebPEncodingError.")
