"""What a prober finds in a video file, and how it says so."""

from errno import ENOMEM

import msgspec
from msgspec import Struct

from instastream.confinement.children import Refusal

OUT_OF_MEMORY = 256 - ENOMEM  # its exit code, as ffmpeg's: the last byte of a negative number


class Source(Struct, frozen=True, kw_only=True, tag=True):
    """What a prober found: upright, with square pixels."""

    width: int
    height: int
    rate: float  # frames a second, on average
    duration_ms: int
    is_exact: bool  # the duration is the picture's, and not the longest stream's
    picture: int  # index of the stream
    sound: int | None  # index of the stream, where there is one
    matrix: str | None  # how its colours are to be understood, where the file doesn't say
    transfer: str | None  # of high dynamic range: "smpte2084" (PQ) or "arib-std-b67" (HLG)


Reply = Source | Refusal
replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)
