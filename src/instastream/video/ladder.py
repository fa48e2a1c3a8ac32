"""Which rungs a video is streamed in, decided from what a prober found."""

from fractions import Fraction
from math import ceil

from msgspec import Struct

from instastream.video.source import Source

GOP_S = 2  # a player that seeks decodes at most this much for nothing
RATE_MAX = 60  # frames a second; few screens show more
RATE_LOW_MAX = 30  # on rungs for small screens and bad networks
SIDE_LOW_MAX = 480  # which are those
STEP_MAX = 0.8  # a rung this near the one above is not worth its CPU and bytes
ASPECT = Fraction(16, 9)  # of the box that a rung fits into

# Peaks, by a rung's short side: Apple's authoring guide for H.264, rounded. Quality (CRF) decides
# below the peak, so that a calm picture takes much less.
BITS_PER_S_MAX = {
    1080: 6_000_000,
    720: 3_000_000,
    480: 1_600_000,
    360: 800_000,
    240: 400_000,
    144: 200_000,
}
# By the smallest box that holds the source: the short sides of its rungs. Each has about half the
# pixels a side of the one above: fewer waste bandwidth, more waste CPU.
LADDERS = {
    1080: (1080, 720, 360),
    720: (720, 360),
    480: (480, 240),
    360: (360, 240),
    240: (240, 144),
}

NTSC = Fraction(1000, 1001)
RATES = (24 * NTSC, Fraction(24), Fraction(25), 30 * NTSC, Fraction(30), Fraction(50), 60 * NTSC)
RATE_TOLERANCE = 0.01  # phones vary their rate this much around a common one


class RungPlan(Struct, frozen=True):
    """One size to encode: every `gop_length` frames begin with a keyframe."""

    name: str
    width: int
    height: int
    rate: Fraction
    gop_length: int
    bits_per_s_max: int


def plan_rungs(source: Source) -> list[RungPlan]:
    """One to three rungs, widest first, none larger than the source.

    A single one only where the source is so small that a second would look the same.
    """
    top = min((side for side in LADDERS if _fits(source, side)), default=max(LADDERS))
    rungs: list[RungPlan] = []
    for side in LADDERS[top]:
        rung = _rung(source, side)
        if not rungs or rung.width <= STEP_MAX * rungs[-1].width:
            rungs.append(rung)
    return rungs


def frame_rate(rate: float) -> Fraction:
    """The constant rate for a source's average one: a common rate, or whole frames a second."""
    capped = min(rate, RATE_MAX)
    common = min((*RATES, Fraction(RATE_MAX)), key=lambda one: abs(one - capped))
    near = abs(common - capped) <= RATE_TOLERANCE * common
    return common if near else Fraction(max(1, ceil(capped)))


def _rung(source: Source, side: int) -> RungPlan:
    """Keyframes of all rungs fall on the same times: counted in frames of the lowest rate."""
    full = frame_rate(source.rate)
    low = full / 2 if full > RATE_LOW_MAX else full
    rate = low if side <= SIDE_LOW_MAX else full
    width, height = _fitted(source, side)
    return RungPlan(
        name=f"{side}p",
        width=width,
        height=height,
        rate=rate,
        gop_length=ceil(GOP_S * low) * int(rate / low),
        bits_per_s_max=BITS_PER_S_MAX[side],
    )


def _scale(source: Source, side: int) -> Fraction:
    """What fits the source into a box, lying or standing, of that short side."""
    short, long = sorted((source.width, source.height))
    return min(Fraction(side, short), Fraction(long_side(side), long))


def long_side(side: int) -> int:
    """Of the box with that short side; even, as 854 to 480."""
    return 2 * ceil(side * ASPECT / 2)


def _fits(source: Source, side: int) -> bool:
    return _scale(source, side) >= 1


def _fitted(source: Source, side: int) -> tuple[int, int]:
    scale = min(Fraction(1), _scale(source, side))
    return _even(source.width, scale), _even(source.height, scale)


def _even(length: int, scale: Fraction) -> int:
    """H.264 with halved colour takes even lengths only; rounded up never beyond the source."""
    return max(2, min(2 * round(length * scale / 2), length // 2 * 2))
