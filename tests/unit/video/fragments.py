"""What a player sees in a fragment: where it begins, and where its keyframes are."""

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import av

PARENTS = {b"moov", b"trak", b"mdia", b"moof", b"traf"}
FIRST_SAMPLE, FIRST_FLAGS, OFFSETS = 0x1, 0x4, 0x800  # what a trun box says it holds


def begins(rung: Path, segment: str) -> float:
    """Seconds at which its first frame is shown, as Media Source Extensions count."""
    head = dict(boxes((rung / "init.mp4").read_bytes()))
    timescale = struct.unpack_from(">I", head[b"mdhd"], 12)[0]
    fragment = dict(boxes((rung / segment).read_bytes()))
    decoded = struct.unpack_from(">Q", fragment[b"tfdt"], 4)[0]
    return float((decoded + offset(fragment[b"trun"])) / timescale)


def offset(trun: bytes) -> int:
    """From decoding to showing, of the first frame."""
    flags = int.from_bytes(trun[1:4], "big")
    if not flags & OFFSETS:
        return 0
    at = 8 + 4 * bool(flags & FIRST_SAMPLE) + 4 * bool(flags & FIRST_FLAGS)
    before = (flags >> 8 & 0x7).bit_count()  # duration, size, flags
    return int(struct.unpack_from(">i", trun, at + 4 * before)[0])


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    while content:
        length, kind = struct.unpack_from(">I4s", content)
        body, content = content[8:length], content[length:]
        yield kind, body
        if kind in PARENTS:
            yield from boxes(body)


def packets(rung: Path, segment: str) -> list[tuple[float, bool]]:
    """Its frames' times, from the first one's, and which of them are keyframes."""
    content = (rung / "init.mp4").read_bytes() + (rung / segment).read_bytes()
    with av.open(BytesIO(content), "r", format="mov") as container:
        found = [
            (float(packet.pts * packet.time_base), packet.is_keyframe)
            for packet in container.demux(container.streams.video[0])
            if packet.pts is not None
        ]
    first_s, is_keyframe = found[0]
    assert is_keyframe
    return [(round(time_s - first_s, 3), is_keyframe) for time_s, is_keyframe in found]


def keyframes(rung: Path, segment: str) -> list[float]:
    return [time_s for time_s, is_keyframe in packets(rung, segment) if is_keyframe]
