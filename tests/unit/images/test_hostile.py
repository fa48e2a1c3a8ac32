"""What is no photograph, or too much of one, is refused with a reason, and early."""

import struct
import zlib

import pytest
import pyvips

from instastream.errors import Corrupt
from instastream.images import bounds, variants
from instastream.limits import ANIMATION_FRAMES_MAX, JPEG_SCANS_MAX
from tests.unit.images.conftest import Render, photo, plain

SCAN = b"\xff\xda"  # how a JPEG's scan begins


def reason(render: Render, content: bytes) -> str:
    with pytest.raises(Corrupt) as refusal:
        render(content)
    return refusal.value.reason


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".avif"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_refused_not_half_shown(
    render: Render, suffix: str, kept: float
) -> None:
    whole = pyvips.Image.new_from_buffer(photo("fig.jpg"), "").resize(0.25).write_to_buffer(suffix)
    assert render(whole)
    assert reason(render, whole[: int(kept * len(whole))]) == "damaged"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, I am a text",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect/></svg>",
        b"II*\0\x08\0\0\0" + bytes(200),
        b"%PDF-1.7\n",
        b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(200),
        b"#EXTM3U\n#EXTINF:6,\nfile:///etc/passwd\n",
        b"P6 1 1 255 abc",
    ],
    ids=["empty", "text", "svg", "tiff", "pdf", "mp4", "playlist", "ppm"],
)
def test_what_is_no_photograph_is_refused(render: Render, content: bytes) -> None:
    assert reason(render, content) == "not-an-image"


@pytest.mark.parametrize("magic", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_a_right_beginning_alone_is_no_photograph(render: Render, magic: bytes) -> None:
    assert reason(render, magic + b"and nothing more of it" * 20) == "damaged"


def test_libvips_may_load_nothing_but_the_accepted_types(render: Render) -> None:
    render(photo("cup.png"))
    for loadable in (
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"P6 1 1 255 abc",
    ):
        with pytest.raises(pyvips.Error, match="not in a known format"):
            pyvips.Image.new_from_buffer(loadable, "")


def test_the_decoder_must_be_the_one_that_was_sniffed(
    render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "sniff", lambda head: "image/png")
    assert reason(render, photo("fig.jpg")) == "not-an-image"


@pytest.mark.parametrize("limit", [11_999, 12_000, 12_001])
def test_the_pixel_limit_holds_exactly(
    render: Render, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(bounds, "IMAGE_PIXELS_MAX", limit)
    original = plain(120, 100, [220, 30, 30]).write_to_buffer(".jpg")
    if limit < 12_000:
        assert reason(render, original) == "too-many-pixels"
    else:
        assert render(original)


def test_a_bomb_is_refused_by_its_header(render: Render) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    pixel_rows = b"IDAT" + zlib.compress(bytes(1_000_000))
    chunks = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, pixel_rows, b"IEND")
    ]
    assert reason(render, b"\x89PNG\r\n\x1a\n" + b"".join(chunks)) == "too-many-pixels"


@pytest.mark.parametrize(("scans", "refused"), [(-1, False), (0, False), (1, True)])
def test_a_jpeg_has_few_scans(scans: int, refused: bool) -> None:
    whole = plain(16, 16, [220, 30, 30]).write_to_buffer(".jpg")
    first = whole.index(SCAN)
    original = whole[:first] + whole[first:-2] * (JPEG_SCANS_MAX + scans) + whole[-2:]
    if refused:
        with pytest.raises(Corrupt, match="scans"):
            bounds.check_parts(original, "image/jpeg")
    else:
        bounds.check_parts(original, "image/jpeg")


def test_what_a_phone_puts_beside_a_jpeg_s_pixels_is_no_scan(render: Render) -> None:
    """A thumbnail in its metadata before them, a video behind them."""
    whole = plain(16, 16, [220, 30, 30]).write_to_buffer(".jpg")
    preview = SCAN * (JPEG_SCANS_MAX + 1)
    comment = b"\xff\xfe" + struct.pack(">H", len(preview) + 2) + preview
    assert render(whole[:2] + comment + whole[2:] + SCAN * 9_000)


@pytest.mark.parametrize(("frames", "refused"), [(-1, False), (0, False), (1, True)])
def test_an_animation_has_a_bounded_number_of_frames(
    render: Render, frames: int, refused: bool
) -> None:
    count = ANIMATION_FRAMES_MAX + frames
    tall = plain(1, count, [220, 30, 30]).copy() + pyvips.Image.xyz(1, count)[1] % 200
    tall = tall.cast("uchar").copy(interpretation="srgb")
    tall.set_type(pyvips.GValue.gint_type, "page-height", 1)
    original = tall.write_to_buffer(".webp", lossless=True, mixed=False)
    assert original.count(b"ANMF") == count
    if refused:
        assert reason(render, original) == "too-many-parts"
    else:
        assert render(original)
