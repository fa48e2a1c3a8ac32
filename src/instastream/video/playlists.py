"""The master playlist, from what ffmpeg has written: exact where ffmpeg's own would estimate."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from msgspec import Struct

AAC_LC = "mp4a.40.2"  # RFC 6381
SHORT = 0.5  # of the longest segment; RFC 8216bis measures no peak over less


class Segmented(Struct, frozen=True):
    """One media playlist: how long it is and what it asks of a network."""

    duration_s: float
    bits_per_s_peak: int
    bits_per_s_mean: int


class Stream(Struct, frozen=True):
    """One rung, or with sound the sum of both, as a player chooses it."""

    uri: str
    width: int
    height: int
    rate: Fraction
    codec: str
    bits_per_s_peak: int
    bits_per_s_mean: int


def measure(playlist: str, sizes: dict[str, int]) -> Segmented:
    """What a media playlist says, with the sizes in bytes of its segments."""
    segments = [(seconds, 8 * sizes[name]) for seconds, name in _segments(playlist)]
    duration_s = sum(seconds for seconds, _ in segments)
    longest_s = max((seconds for seconds, _ in segments), default=0)
    mean = sum(bits for _, bits in segments) / duration_s if duration_s else 0
    peaks = [bits / seconds for seconds, bits in segments if seconds >= SHORT * longest_s > 0]
    return Segmented(duration_s, round(max(mean, *peaks, 0)), round(mean))


def _segments(playlist: str) -> Iterator[tuple[float, str]]:
    lines = playlist.splitlines()
    for tag, name in pairwise(lines):
        if tag.startswith("#EXTINF:"):
            yield float(tag.removeprefix("#EXTINF:").partition(",")[0]), name


def avc_codec(initial: bytes) -> str:
    """The RFC 6381 name of the H.264 in an initialization segment: profile, constraints, level."""
    at = initial.index(b"avcC") + len(b"avcC")  # version, profile, constraints, level
    return f"avc1.{initial[at + 1 : at + 4].hex()}"


def master(streams: list[Stream], sound: str | None) -> str:
    """The playlist that leads to all others; `sound` is the address of the one they share."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if sound:
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="sound",DEFAULT=YES,AUTOSELECT=YES,'
            f'CHANNELS="2",URI="{sound}"'
        )
    for stream in streams:
        lines += [_choice(stream, with_sound=sound is not None), stream.uri]
    return "\n".join([*lines, ""])


def _choice(stream: Stream, *, with_sound: bool) -> str:
    codecs = f"{stream.codec},{AAC_LC}" if with_sound else stream.codec
    return (
        f"#EXT-X-STREAM-INF:BANDWIDTH={stream.bits_per_s_peak},"
        f"AVERAGE-BANDWIDTH={stream.bits_per_s_mean},"
        f'CODECS="{codecs}",RESOLUTION={stream.width}x{stream.height},'
        f"FRAME-RATE={float(stream.rate):.3f}" + (',AUDIO="sound"' if with_sound else "")
    )
