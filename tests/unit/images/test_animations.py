"""An animation is its first frame as every still, and all of it once more as an animated WebP."""

from collections.abc import Sequence
from io import BytesIO

import pytest
import pyvips
from PIL import Image

from instastream.errors import Corrupt
from instastream.images import animations, bounds
from instastream.media import VARIANTS, Rendered
from tests.unit.images.conftest import Render, plain
from tests.unit.images.test_variants import BLUE, GREEN, RED, colour

STILLS = [spec.name for spec in VARIANTS]


def animation(
    suffix: str,
    *frames: Sequence[int],
    size: tuple[int, int] = (64, 48),
    delay: Sequence[int] = (),
    loop: int = 0,
) -> bytes:
    width, height = size
    tall = pyvips.Image.arrayjoin([plain(width, height, [*f]) for f in frames], across=1).copy()
    tall.set_type(pyvips.GValue.gint_type, "page-height", height)
    tall.set_type(pyvips.GValue.gint_type, "loop", loop)
    tall.set_type(pyvips.GValue.array_int_type, "delay", [*delay] or [100] * len(frames))
    return tall.write_to_buffer(suffix)


def frames_of(variant: Rendered) -> pyvips.Image:
    return pyvips.Image.new_from_buffer(variant.content, "", n=-1)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_stills_show_the_first_frame_and_animated_shows_all(render: Render, suffix: str) -> None:
    variants = render(animation(suffix, RED, GREEN, BLUE))
    assert list(variants) == [*STILLS, "animated"]
    for name in STILLS:
        assert (variants[name].width, variants[name].height) == (64, 48)
        assert b"ANIM" not in variants[name].content
        assert colour(variants[name], 32, 24)[:3] == pytest.approx(RED, abs=12)
    animated = frames_of(variants["animated"])
    assert (variants["animated"].width, variants["animated"].height) == (64, 48)
    assert animated.get("n-pages") == 3
    for nth, expected in enumerate((RED, GREEN, BLUE)):
        assert animated(32, 48 * nth + 24)[:3] == pytest.approx(expected, abs=12)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("loop", [0, 1, 3])
def test_timing_and_repeats_are_kept(render: Render, suffix: str, loop: int) -> None:
    original = animation(suffix, RED, GREEN, BLUE, delay=(40, 500, 1_000), loop=loop)
    animated = frames_of(render(original)["animated"])
    assert animated.get("delay") == [40, 500, 1_000]
    assert animated.get("loop") == loop


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_single_frame_is_no_animation(render: Render, suffix: str) -> None:
    assert list(render(animation(suffix, RED))) == STILLS


@pytest.mark.parametrize(
    ("width", "expected"),
    [(479, (479, 240)), (480, (480, 240)), (960, (480, 120))],
    ids=["under", "at", "over"],
)
def test_it_is_no_wider_than_a_phone(render: Render, width: int, expected: tuple[int, int]) -> None:
    animated = render(animation(".gif", RED, BLUE, size=(width, 240)))["animated"]
    assert (animated.width, animated.height) == expected
    assert frames_of(animated).get("page-height") == expected[1]


def test_scaled_frames_do_not_show_through_each_other(render: Render) -> None:
    animated = render(animation(".gif", RED, BLUE, size=(1_000, 333)))["animated"]
    frames = frames_of(animated)
    for y, expected in ((0, RED), (animated.height - 2, RED), (animated.height + 1, BLUE)):
        assert frames(100, y)[:3] == pytest.approx(expected, abs=24)


def test_what_is_transparent_stays_so(render: Render) -> None:
    animated = frames_of(render(animation(".webp", [*RED, 0], [*BLUE, 255]))["animated"])
    assert animated(32, 24)[3] == 0
    assert animated(32, 72) == pytest.approx([*BLUE, 255], abs=12)


@pytest.mark.parametrize("spare", [-1, 0, 1])
@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_its_frames_are_bounded(
    render: Render, monkeypatch: pytest.MonkeyPatch, suffix: str, spare: int
) -> None:
    monkeypatch.setattr(bounds, "ANIMATION_FRAMES_MAX", 3 + spare)
    original = animation(suffix, RED, GREEN, BLUE)
    if spare < 0:
        with pytest.raises(Corrupt) as refusal:
            render(original)
        assert refusal.value.reason == "too-many-parts"
    else:
        assert "animated" in render(original)


@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_the_pixels_of_all_its_frames_are_bounded(
    render: Render, monkeypatch: pytest.MonkeyPatch, spare: int
) -> None:
    monkeypatch.setattr(bounds, "ANIMATION_PIXELS_MAX", 3 * 64 * 48 + spare)
    original = animation(".gif", RED, GREEN, BLUE)
    if spare < 0:
        with pytest.raises(Corrupt) as refusal:
            render(original)
        assert refusal.value.reason == "too-many-pixels"
    else:
        assert "animated" in render(original)


@pytest.mark.parametrize(("frames", "width"), [(3, 64), (4, 64), (16, 32)])
def test_a_long_one_is_narrower(
    render: Render, monkeypatch: pytest.MonkeyPatch, frames: int, width: int
) -> None:
    monkeypatch.setattr(animations, "ANIMATED_PIXELS_MAX", 4 * 64 * 48)
    colours = [[nth * 10, 0, 0] for nth in range(frames)]
    animated = render(animation(".gif", *colours))["animated"]
    assert (animated.width, frames_of(animated).get("n-pages")) == (width, frames)


def test_a_truncated_webp_is_refused(render: Render) -> None:
    with pytest.raises(Corrupt) as refusal:
        render(animation(".webp", RED, GREEN, BLUE)[:-20])
    assert refusal.value.reason == "damaged"


def test_of_a_truncated_gif_the_whole_frames_are_shown(render: Render) -> None:
    """As browsers do: nothing in the file says how many there should be."""
    animated = render(animation(".gif", RED, GREEN, BLUE)[:-20])["animated"]
    assert frames_of(animated).get("n-pages") == 2


def test_a_gif_of_endless_frames_is_refused_at_once(render: Render) -> None:
    frame = b"\x21\xf9\x04\0\5\0\0\0,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    head = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
    with pytest.raises(Corrupt) as refusal:
        render(head + 100_000 * frame + b";")
    assert refusal.value.reason == "too-many-parts"


def test_an_animated_avif_is_its_cover(render: Render) -> None:
    first, second = (Image.new("RGB", (64, 48), tuple(colour)) for colour in (RED, BLUE))
    buffer = BytesIO()
    first.save(buffer, "AVIF", save_all=True, append_images=[second])
    assert buffer.getvalue()[4:12] == b"ftypavis"
    variants = render(buffer.getvalue())
    assert list(variants) == STILLS
    assert colour(variants["full"], 32, 24) == pytest.approx(RED, abs=12)
