"""What is no video, or too much of one, is refused with a reason, and early."""

import asyncio
import struct
from pathlib import Path

import pytest

from instastream.errors import Corrupt
from instastream.video import transcoder
from tests.unit.video.conftest import Clip, Transcode, reason

FTYP = b"\0\0\0\x18ftypisom\0\0\0\0isommp42"
EBML = b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska" + bytes(64)
PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n"
NO_FFMPEG = transcoder.FfmpegTranscoder(ffmpeg=["/nowhere/ffmpeg"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        PLAYLIST,
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><MPD/>",
        b"RIFF\x24\0\0\0AVI LIST",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf",
        b"\0\0\0\x18ftypmif1\0\0\0\0miafavif",
        EBML,
    ],
    ids=["empty", "playlist", "concat", "svg", "dash", "avi", "jpeg", "heic", "avif", "matroska"],
)
async def test_what_is_no_video_is_refused_before_a_process_is_started(
    transcode: Transcode, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.delattr(asyncio, "create_subprocess_exec")
    assert await reason(transcode(content)) == "not-a-video"


@pytest.mark.parametrize("behind", [b"", PLAYLIST, bytes(4_096), b"\xff" * 4_096])
async def test_a_right_beginning_alone_is_no_video(transcode: Transcode, behind: bytes) -> None:
    assert await reason(transcode(FTYP + behind)) == "damaged"


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{url}'\n",
        "<?xml version='1.0'?><MPD><BaseURL>{url}</BaseURL></MPD>",
        "<svg xmlns:x='http://www.w3.org/1999/xlink'><image x:href='{url}'/></svg>",
    ],
    ids=["playlist", "concat", "dash", "svg"],
)
async def test_no_file_makes_us_ask_anybody(transcode: Transcode, content: str) -> None:
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for magic in (b"", FTYP, EBML):
            with pytest.raises(Corrupt):
                await transcode(magic + content.format(url=url).encode())
    assert asked == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sound.mp4", "no-picture"),
        ("covered.mp4", "no-picture"),
        ("tiny.mp4", "no-picture"),
        ("still.webm", "no-duration"),
        ("giant.mp4", "too-many-pixels"),
        ("long.mp4", "too-long"),
    ],
)
async def test_what_a_header_says_is_judged_before_anything_is_encoded(
    clip: Clip, transcode: Transcode, made: Path, name: str, expected: str
) -> None:
    assert await reason(transcode(clip(name).read_bytes(), NO_FFMPEG)) == expected
    assert files_of(made) == []


def files_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def patched(content: bytes, box: bytes, at: int, fields: bytes) -> bytes:
    """The first such box with other fields, counted from its name."""
    begin = content.index(box) + at
    return content[:begin] + fields + content[begin + len(fields) :]


@pytest.mark.parametrize(
    ("box", "at", "fields", "expected"),
    [
        (b"avc1", 28, struct.pack(">HH", 8_192, 8_192), None),  # the picture itself decides
        (b"mdhd", 20, struct.pack(">I", 0), None),
        (b"mdhd", 20, struct.pack(">I", 0x7FFFFFFF), None),
        (b"stsz", 8, struct.pack(">II", 1 << 31, 1 << 30), "no-picture"),
        (b"stco", 12, struct.pack(">I", 0xFFFFFF), "no-picture"),
        (b"stts", 4, bytes(12), "no-picture"),
        (b"avcC", 4, b"\xff" * 24, "damaged"),
        (b"dref", 12, b"\0\0\0\x0calis\0\0\0\0", None),
    ],
    ids=["size", "no-time", "eternity", "samples", "offset", "times", "codec", "elsewhere"],
)
async def test_absurd_headers_are_seen_through(
    clip: Clip, transcode: Transcode, box: bytes, at: int, fields: bytes, expected: str | None
) -> None:
    hostile = patched(clip("silent.mov").read_bytes(), box, at, fields)
    if expected:
        assert await reason(transcode(hostile)) == expected
    else:
        assert (await transcode(hostile)).duration_ms == 1_000


@pytest.mark.parametrize("name", ["landscape.mp4", "odd.webm"])
@pytest.mark.parametrize("kept", [0.5, 0.8])
async def test_half_a_video_is_not_taken_for_a_whole(
    clip: Clip, transcode: Transcode, name: str, kept: float
) -> None:
    whole = clip(name).read_bytes()
    assert await reason(transcode(whole[: int(kept * len(whole))])) == "truncated"


async def test_a_video_whose_index_is_missing_is_damaged(clip: Clip, transcode: Transcode) -> None:
    whole = clip("silent.mov").read_bytes()  # its index comes last
    assert await reason(transcode(whole[: len(whole) // 2])) == "damaged"


@pytest.mark.parametrize("spare", [-1, 0, 1])
async def test_the_byte_limit_holds_exactly(
    clip: Clip, transcode: Transcode, monkeypatch: pytest.MonkeyPatch, spare: int
) -> None:
    content = clip("silent.mov").read_bytes()
    monkeypatch.setattr(transcoder, "VIDEO_BYTES_MAX", len(content) + spare)
    if spare < 0:
        assert await reason(transcode(content)) == "too-many-bytes"
    else:
        assert await transcode(content)
