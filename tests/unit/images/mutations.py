"""Builds files that no camera makes: whole pictures broken in seeded ways, and known tricks."""

import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from random import Random

import pillow_heif
import pyvips
from PIL import Image

from tests.unit.images.conftest import photo

PNG, IEND = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82"
EXTREMES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
HEADER_BYTES = 400  # an AVIF's boxes take about 300
Mutation = Callable[[Random, bytes], bytes]


def whole() -> dict[str, bytes]:
    """Small pictures that render, of every kind there is."""
    image = pyvips.Image.new_from_buffer(photo("fig.jpg"), "")
    image = image.thumbnail_image(48, height=48, size="down").copy_memory()
    alpha = image.bandjoin(image[0])
    frames = pyvips.Image.arrayjoin([image, (image + 60).cast("uchar"), image], across=1).copy()
    frames.set_type(pyvips.GValue.gint_type, "page-height", image.height)
    pixels = Image.frombytes("RGB", (image.width, image.height), bytes(image.write_to_memory()))
    heic = BytesIO()
    pillow_heif.from_pillow(pixels).save(heic, quality=50)
    return {
        "jpeg": image.write_to_buffer(".jpg", keep="icc"),
        "progressive jpeg": image.write_to_buffer(".jpg", interlace=True),
        "cmyk jpeg": image.icc_transform("cmyk", input_profile="srgb").write_to_buffer(
            ".jpg", keep="none"
        ),
        "png": alpha.write_to_buffer(".png"),
        "interlaced png": image.write_to_buffer(".png", interlace=True),
        "palette png": image.write_to_buffer(".png", palette=True),
        "16-bit png": image.write_to_buffer(".png", bitdepth=16),
        "webp": image.write_to_buffer(".webp"),
        "lossless webp": alpha.write_to_buffer(".webp", lossless=True),
        "animated webp": frames.write_to_buffer(".webp"),
        "gif": image.write_to_buffer(".gif"),
        "animated gif": frames.write_to_buffer(".gif"),
        "avif": image.write_to_buffer(".avif"),
        "avif with alpha": alpha.write_to_buffer(".avif"),
        "heic": heic.getvalue(),
    }


def mutations(content: bytes, count: int, seed: str) -> Iterator[bytes]:
    """`count` broken versions of it, the same for the same seed."""
    random = Random(seed)
    for number in range(count):
        broken = content
        for _ in range(random.choice((1, 1, 2, 5))):
            broken = random.choice(MUTATIONS)(random, broken)
        yield with_right_checksums(broken) if number % 2 else broken


def _truncated(random: Random, content: bytes) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _flipped(random: Random, content: bytes) -> bytes:
    flipped = bytearray(content)
    for _ in range(random.choice((1, 4, 32)) if content else 0):
        flipped[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _extreme_header(random: Random, content: bytes) -> bytes:
    size = random.choice((1, 2, 4))
    at = random.randrange(min(HEADER_BYTES, len(content)) + 1)
    return content[:at] + bytes([random.choice(EXTREMES)]) * size + content[at + size :]


def _spliced(random: Random, content: bytes) -> bytes:
    """A piece of it put where another was, or between."""
    begin, at = (random.randrange(len(content) + 1) for _ in range(2))
    piece = content[begin : begin + random.choice((4, 16, 64, 256))]
    return content[:at] + piece + content[at + random.choice((0, len(piece))) :]


def _blanked(random: Random, content: bytes) -> bytes:
    at, size = random.randrange(len(content) + 1), random.choice((1, 8, 64))
    return content[:at] + bytes(size) + content[at + size :]


MUTATIONS: tuple[Mutation, ...] = (_truncated, _flipped, _extreme_header, _spliced, _blanked)


def with_right_checksums(content: bytes) -> bytes:
    """A PNG whose chunks all have the CRC they need, or a decoder would look no further."""
    if not content.startswith(PNG):
        return content
    mended, at = bytearray(content), len(PNG)
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        mended[end : end + 4] = struct.pack(">I", zlib.crc32(content[at + 4 : end]))
        at = end + 4
    return bytes(mended[: len(content)])


def tricks() -> dict[str, tuple[bytes, set[str]]]:
    """By name: a file, and what may become of it; "rendered" or a reason."""
    jpeg, gif, webp, avif = (whole()[kind] for kind in ("jpeg", "gif", "webp", "avif"))
    with_alpha = whole()["avif with alpha"]
    script = b"<html><script>alert(1)</script>"
    frame = b"\x2c\0\0\0\0\x02\0\x02\0\0\x02\x03\x44\x34\x05\0"
    screen = b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\xff\xff"
    sof = jpeg.rindex(b"\xff\xc0\0\x11")
    sos = jpeg.index(b"\xff\xda")
    vp8x = b"VP8X\n\0\0\0" + bytes(4)
    before, after = b"RIFF\0\0\0\0WEBP" + vp8x, webp[12:]
    bomb = zlib.compress(bytes(64 << 20))
    damaged, either, pixels = {"damaged"}, {"damaged", "rendered"}, {"too-many-pixels"}
    return {
        "nothing": (b"", {"not-an-image"}),
        "a playlist": (b"#EXTM3U\nhttp://127.0.0.1/", {"not-an-image"}),
        "html, then jpeg": (script + jpeg, {"not-an-image"}),
        "jpeg, then html": (jpeg + script, {"rendered"}),
        "gif that is a script": (b"GIF89a/*" + gif[8:] + b"*/=alert(1)", either),
        "png bomb": (png(30_000, 30_000), pixels),
        "png wider than memory": (png(2**31 - 1, 1, depth=16, colour=6), pixels | damaged),
        "png without width": (png(0, 8), damaged),
        "png of an odd depth": (png(8, 8, depth=3), damaged),
        "zTXt bomb": (png(8, 8, before=[(b"zTXt", b"comment\0\0" + bomb)]), either),
        "iCCP bomb": (png(8, 8, before=[(b"iCCP", b"icc\0\0" + bomb)]), either),
        "IDAT bomb": (png(8, 8, rows=bytes(64 << 20)), either),
        "palette index out of range": (palette(b"\0\0\0", index=200), either),
        "no palette": (palette(b"", index=0), damaged),
        "palette of one and a half": (palette(b"\0" * 4, index=0), damaged),
        "palette too long": (palette(b"\0" * 999, index=0), damaged),
        "gif of 10,000 frames": (screen + 10_000 * frame + b";", {"too-many-parts"}),
        "gif on a huge screen": (
            screen[:6] + b"\xff" * 4 + screen[10:] + frame + b";",
            {"rendered"},
        ),
        "gif of a huge frame": (screen + frame[:5] + b"\xff" * 4 + frame[9:] + b";", pixels),
        "gif frame far outside": (screen + frame[:1] + b"\xff" * 4 + frame[5:] + b";", pixels),
        "webp on another canvas": (before + b"\xff\0\0\xff\0\0" + after, damaged),
        "webp on a huge canvas": (before + b"\xff" * 6 + after, damaged | pixels),
        "jpeg of 65,000 lines": (jpeg[: sof + 5] + b"\xfd\xe8" * 2 + jpeg[sof + 9 :], pixels),
        "jpeg without lines": (jpeg[: sof + 5] + b"\0\0" + jpeg[sof + 7 :], damaged),
        "jpeg sampled 15 x 15": (jpeg[: sof + 11] + b"\xff" + jpeg[sof + 12 :], damaged),
        "jpeg of 1,000 scans": (jpeg[:sos] + 1_000 * jpeg[sos:-2], {"too-many-parts"}),
        "avif that is large": (avif.replace(b"ispe", b"ispe\0\0\0\0\xff\xff\xff\xff"), damaged),
        "avif without meta": (avif.replace(b"meta", b"free"), damaged),
        "avif with what is no text": (with_alpha.replace(b"Exif", b"Ex\xff\xff"), damaged),
        "avif, then nothing": (avif[:40], damaged),
    }


def png(
    width: int,
    height: int,
    *,
    depth: int = 8,
    colour: int = 0,
    before: list[tuple[bytes, bytes]] | None = None,
    rows: bytes = bytes(9) * 8,
) -> bytes:
    """A PNG of 8 x 8 black pixels, whatever its header says."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *(before or []), (b"IDAT", zlib.compress(rows))]
    return PNG + b"".join(_chunk(name, body) for name, body in chunks) + IEND


def palette(colours: bytes, *, index: int) -> bytes:
    """A PNG all of whose pixels are that one of the colours."""
    before = [(b"PLTE", colours)] if colours else []
    return png(8, 8, colour=3, before=before, rows=(b"\0" + bytes([index]) * 8) * 8)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
