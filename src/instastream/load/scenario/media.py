"""What is uploaded: photographs and videos that are each a little different, noise, and poison."""

from functools import cache, lru_cache
from importlib.resources import files
from io import BytesIO
from random import Random
from typing import Literal, TypeAlias

from msgspec import Struct
from PIL import Image

from instastream.load.scenario.scenarios import IMAGE_BYTES_MIN, Media

SEGMENT_BYTES_MAX = 65_533  # of a JPEG's comment
NOISE_BYTES = 1.4  # a pixel of grey noise at NOISE_QUALITY takes no more
NOISE_QUALITY = 95
REPEATED = 10  # pictures that many post
ORIGINALS_KEPT = 16  # from when one is asked for until it is sent


Sort: TypeAlias = Literal["hostile", "video", "duplicate", "distinct"]


class Original(Struct, frozen=True):
    """Bytes to upload; poison is no image, though it says so."""

    content: bytes
    content_type: str
    poison: bool = False


def sort_of(number: int, media: Media, *, seed: int) -> Sort:
    """What a post's upload is, without making it."""
    share = Random(f"{seed}/media/{number}").random()
    shares: dict[Sort, float] = {
        "hostile": media.hostile,
        "video": media.videos,
        "duplicate": media.duplicates,
    }
    for sort, some in shares.items():
        if share < some:
            return sort
        share -= some
    return "distinct"


@lru_cache(ORIGINALS_KEPT)
def original(number: int, media: Media, *, seed: int) -> Original:
    """The upload of a post, by its number: the same for the same seed."""
    mark = f"{seed}/{number}"
    match sort_of(number, media, seed=seed):
        case "hostile":
            return Original(Random(mark).randbytes(IMAGE_BYTES_MIN), "image/jpeg", poison=True)
        case "video":
            return Original(_video(mark), "video/mp4")
        case "duplicate":
            number = Random(mark).randrange(REPEATED)
            mark = f"{seed}/{number}"
    if media.source == "synthetic":
        return Original(_noise(mark, media.size_bytes), "image/jpeg")
    photographs = _all_of("instastream.photos", ".jpg")
    return Original(with_comment(photographs[number % len(photographs)], mark), "image/jpeg")


def _video(mark: str) -> bytes:
    """The clip, and a box that players skip."""
    [clip] = _all_of("instastream.clips", ".mp4")
    content = mark.encode()
    return clip + (8 + len(content)).to_bytes(4, "big") + b"free" + content


def _noise(mark: str, size_bytes: int) -> bytes:
    """A JPEG of so many bytes: nothing in it compresses."""
    side = max(8, int((size_bytes / NOISE_BYTES) ** 0.5) - 16)
    pixels = Image.frombytes("L", (side, side), Random(mark).randbytes(side * side))
    encoded = BytesIO()
    pixels.save(encoded, "JPEG", quality=NOISE_QUALITY)
    return _filled(encoded.getvalue(), size_bytes)


def _filled(jpeg: bytes, size_bytes: int) -> bytes:
    """With comments up to a size; as it is where less than one of them is missing."""
    while (missing := size_bytes - len(jpeg)) >= 4:
        length = min(missing - 4, SEGMENT_BYTES_MAX)
        jpeg = with_comment(jpeg, "-" * length)
    return jpeg


def with_comment(jpeg: bytes, comment: str) -> bytes:
    """Other bytes, the same picture: a comment after the start of the image."""
    content = comment.encode()
    return jpeg[:2] + b"\xff\xfe" + (2 + len(content)).to_bytes(2, "big") + content + jpeg[2:]


@cache
def _all_of(package: str, suffix: str) -> list[bytes]:
    entries = sorted(files(package).iterdir(), key=lambda entry: entry.name)
    return [entry.read_bytes() for entry in entries if entry.name.endswith(suffix)]
