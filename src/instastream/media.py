"""What an upload's media becomes, decided without touching a pixel."""

import re
from functools import partial
from hashlib import blake2b, file_digest
from pathlib import Path

from msgspec import Struct

from instastream.events import MediaReady, Rung, Variant, Video

HEAD_BYTES = 64  # enough to sniff by; an AVIF's list of brands takes up to about 40
DIGEST_BYTES = 16  # keyed, so no collision can be searched for offline; by chance: one in 2^64


class VariantSpec(Struct, frozen=True):
    """One width that every photograph is offered in, and how its WebP is encoded."""

    name: str
    width: int
    quality: int
    effort: int


# Widest first: each is scaled from the one before. For quality and effort see docs/decisions/0005.
VARIANTS = (
    VariantSpec("full", width=2048, quality=82, effort=2),
    VariantSpec("feed", width=1080, quality=80, effort=4),
    VariantSpec("thumb", width=150, quality=80, effort=4),
)
# All frames of an animation, which has the stills above as well. See docs/decisions/0010.
ANIMATED = VariantSpec("animated", width=480, quality=60, effort=2)
VARIANT_RATIO_MAX = 4  # as tall for its width; phone screens have up to 2.4
assert list(VARIANTS) == sorted(VARIANTS, key=lambda spec: -spec.width)


RENDERING = 3  # to be raised with every change of the bytes that an original becomes


class Rendered(Struct, frozen=True):
    """One variant, encoded: `content` is a WebP of `width` x `height` pixels."""

    name: str
    width: int
    height: int
    content: bytes


class Rendering(Struct, frozen=True):
    """All that an image becomes, and what to show until it has arrived."""

    variants: list[Rendered]
    thumbhash: str  # base64
    colour: str  # the dominant one, as "#rrggbb"


class Transcoded(Struct, frozen=True):
    """All that a video becomes, beside the playlists and segments that lie in a folder."""

    poster: bytes  # a PNG in the size of the widest rung
    width: int
    height: int
    duration_ms: int
    rungs: list[Rung]  # widest first


class Outcome(Struct, frozen=True, kw_only=True):
    """What an original became, as it lies in the object store: the same to all who share it."""

    variants: list[Variant]
    thumbhash: str = ""
    colour: str = ""
    video: Video | None = None

    @classmethod
    def of(cls, event: MediaReady) -> "Outcome":
        """What the event says of it."""
        return cls(
            variants=event.variants,
            thumbhash=event.thumbhash,
            colour=event.colour,
            video=event.video,
        )

    @property
    def keys(self) -> list[str]:
        """Where its variants and the master playlist of a video lie."""
        return [one.key for one in self.variants] + ([self.video.key] if self.video else [])


def sniff(head: bytes) -> str | None:
    """The image type that the first HEAD_BYTES say this is; None when we don't accept it."""
    for magic, content_type in MAGIC.items():
        if head.startswith(magic):
            return content_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _photograph_of(_brands(head))
    return None


def sniff_video(head: bytes) -> str | None:
    """The video type that the first HEAD_BYTES say this is; None when we don't accept it."""
    if head.startswith(EBML) and DOCTYPE_WEBM in head:
        return "video/webm"
    if head[4:8] != b"ftyp" or sniff(head):
        return None
    brands = _brands(head)
    if brands[0] == b"qt  ":
        return "video/quicktime"
    return "video/mp4" if MP4_BRANDS & set(brands) else None


EBML = b"\x1a\x45\xdf\xa3"
DOCTYPE_WEBM = b"\x42\x82\x84webm"  # Matroska in general may hold anything
MP4_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "}
MAGIC = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


# 8 bits, more than 8, and the still of a burst; `mif1` alone does not say how it is encoded.
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}


def _photograph_of(brands: list[bytes]) -> str | None:
    if b"avif" in brands:
        return "image/avif"
    return "image/heic" if HEIC_BRANDS & set(brands) else None


def _brands(head: bytes) -> list[bytes]:
    """What an ISO media file claims to be: its major brand, then those compatible with it."""
    size_bytes = int.from_bytes(head[:4], "big")
    box = head[8:size_bytes]
    return [box[:4], *(box[at : at + 4] for at in range(8, len(box), 4))]


def digest_of(content: bytes, key: bytes) -> str:
    """The name of an original's bytes; without the key nobody can tell who uploaded what."""
    return blake2b(content, digest_size=DIGEST_BYTES, key=key).hexdigest()


def digest_of_video(path: Path, key: bytes) -> str:
    """The same for a video in a file: never that of a photograph, whoever calls it one."""
    video = partial(blake2b, digest_size=DIGEST_BYTES, key=key, person=b"video")
    with path.open("rb") as file:
        return file_digest(file, video).hexdigest()


def media_folder(digest: str, *, generation: int, private: bool = False) -> str:
    """Where all that an original becomes lies in the object store: what is there never changes.

    Reclaimed and uploaded again it gets the next generation, so that nothing late or cached of the
    one before can be taken for it. The edge asks for a signature before it serves `private/`.
    """
    return folder_in(root_of(digest, private=private), generation)


def folder_in(root: str, generation: int) -> str:
    """The folder of one generation."""
    return f"{root}/{RENDERING}-{generation}"


def root_of(digest: str, *, private: bool) -> str:
    """What the folders of all generations lie in; what is private shares nothing with the rest."""
    return f"{'private' if private else 'media'}/{digest}"


def root_of_key(key: str) -> str:
    """The root that an object of some generation lies in."""
    return "/".join(key.split("/")[:2])


def kept_key(folder: str) -> str:
    """Where the original lies that a folder was made from; no edge ever serves it."""
    return f"originals/{folder}"


def generation_of(key: str, root: str) -> int | None:
    """The generation of an object of this root, or of its original; None of any other key."""
    match = re.match(rf"(?:originals/)?{re.escape(root)}/\d+-(\d+)(?:/|$)", key)
    return int(match[1]) if match else None


def object_key(folder: str, variant: str) -> str:
    """Where one variant of an image lies."""
    return f"{folder}/{variant}.webp"


MASTER = "master.m3u8"  # the playlist that leads to all others
CONTENT_TYPES = {
    ".webp": "image/webp",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
}
