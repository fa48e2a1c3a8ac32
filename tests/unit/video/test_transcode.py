"""A video becomes a ladder that players can switch on, with nothing of its camera in it."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from instastream.media import Transcoded
from tests.unit.video.conftest import Clip, Transcode
from tests.unit.video.fragments import begins, keyframes, packets


def sizes(transcoded: Transcoded) -> list[tuple[str, int, int]]:
    return [(rung.name, rung.width, rung.height) for rung in transcoded.rungs]


def poster(transcoded: Transcoded) -> Image.Image:
    return Image.open(BytesIO(transcoded.poster))


def colour(transcoded: Transcoded) -> list[float]:
    return ImageStat.Stat(poster(transcoded).convert("RGB")).mean


async def test_a_video_becomes_rungs_that_keep_step(
    clip: Clip, transcode: Transcode, made: Path
) -> None:
    reports: list[float] = []

    async def report(done: float) -> None:
        reports.append(done)

    content = clip("landscape.mp4").read_bytes()
    assert b"SERIAL-4711" in content
    transcoded = await transcode(content, report=report)
    assert sizes(transcoded) == [("240p", 426, 240), ("144p", 256, 144)]
    assert (transcoded.width, transcoded.height, transcoded.duration_ms) == (426, 240, 8_000)
    assert reports == sorted(reports)
    assert 0 < reports[0] <= reports[-1] == 1
    for folder in ("240p", "144p", "audio"):
        assert len(list((made / folder).glob("*.m4s"))) == 2
    for segment, start_s, keys_s in (("00000.m4s", 0, [0, 2, 4]), ("00001.m4s", 6, [0])):
        for rung in ("240p", "144p"):
            assert begins(made / rung, segment) == start_s
            assert keyframes(made / rung, segment) == keys_s
        assert begins(made / "audio", segment) == pytest.approx(start_s, abs=0.022)
    check_master((made / "master.m3u8").read_text(), transcoded)
    check_stripped(made, transcoded.poster)


def check_master(text: str, transcoded: Transcoded) -> None:
    lines = text.splitlines()
    assert lines[:3] == ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    assert 'TYPE=AUDIO,GROUP-ID="sound"' in lines[3]
    assert lines[3].endswith('URI="audio/index.m3u8"')
    for tag, address, rung, codec in zip(
        lines[4::2], lines[5::2], transcoded.rungs, ("avc1.640015", "avc1.64000c"), strict=True
    ):
        assert f"BANDWIDTH={rung.bits_per_s},AVERAGE" in tag
        assert f'CODECS="{codec},mp4a.40.2",RESOLUTION={rung.width}x{rung.height}' in tag
        assert tag.endswith('FRAME-RATE=30.000,AUDIO="sound"')
        assert address == f"{rung.name}/index.m3u8"


def check_stripped(made: Path, poster: bytes) -> None:
    written = b"".join(path.read_bytes() for path in made.rglob("*.*")) + poster
    for secret in (b"SERIAL-4711", b"+48.8577", b"quicktime", b"Lavf", b"eXIf"):
        assert secret not in written


@pytest.mark.parametrize("name", ["silent.mov", "mute.mp4"])
async def test_a_silent_video_has_no_sound_to_offer(
    name: str, clip: Clip, transcode: Transcode, made: Path
) -> None:
    transcoded = await transcode(clip(name).read_bytes())
    assert transcoded.duration_ms == 1_000
    assert "AUDIO" not in (made / "master.m3u8").read_text()
    assert not (made / "audio").exists()


async def test_rungs_of_different_rates_keep_step(
    clip: Clip, transcode: Transcode, made: Path
) -> None:
    transcoded = await transcode(clip("fast.mp4").read_bytes())
    assert sizes(transcoded) == [("720p", 1280, 18), ("360p", 640, 8)]
    for rung, frames in (("720p", 180), ("360p", 90)):
        assert begins(made / rung, "00000.m4s") == 0
        assert keyframes(made / rung, "00000.m4s") == [0, 2]
        assert len(packets(made / rung, "00000.m4s")) == frames


async def test_a_change_of_scene_makes_no_keyframe(
    clip: Clip, transcode: Transcode, made: Path
) -> None:
    await transcode(clip("black.mp4").read_bytes())  # white after a second
    assert keyframes(made / "240p", "00000.m4s") == [0, 2]


async def test_a_video_on_its_side_is_turned_upright(clip: Clip, transcode: Transcode) -> None:
    transcoded = await transcode(clip("sideways.mp4").read_bytes())
    assert sizes(transcoded) == [("240p", 180, 320), ("144p", 144, 256)]
    assert poster(transcoded).size == (180, 320)


@pytest.mark.parametrize("name", ["odd.webm", "squeezed.mp4"])
async def test_odd_lengths_and_squeezed_pixels_become_even_and_square(
    clip: Clip, transcode: Transcode, name: str
) -> None:
    transcoded = await transcode(clip(name).read_bytes())
    assert sizes(transcoded)[0] == ("240p", 320, 180)


async def test_names_in_any_encoding_are_no_damage(clip: Clip, transcode: Transcode) -> None:
    named = clip("live.webm").read_bytes().replace(b"Lavf", b"caf\xe9")
    assert b"caf\xe9" in named
    assert (await transcode(named)).rungs


async def test_a_recording_that_does_not_say_its_length_is_measured(
    clip: Clip, transcode: Transcode
) -> None:
    transcoded = await transcode(clip("live.webm").read_bytes())
    assert transcoded.duration_ms == pytest.approx(1_000, abs=100)


async def test_the_poster_is_not_the_black_that_a_video_begins_with(
    clip: Clip, transcode: Transcode
) -> None:
    assert min(colour(await transcode(clip("black.mp4").read_bytes()))) > 250


async def test_colours_that_are_not_tagged_are_what_players_take_them_for(
    clip: Clip, transcode: Transcode
) -> None:
    red, green, blue = colour(await transcode(clip("green.mp4").read_bytes()))
    assert (red, green, blue) == pytest.approx((32, 192, 64), abs=6)


async def test_high_dynamic_range_is_mapped_to_what_every_screen_shows(
    clip: Clip, transcode: Transcode, made: Path
) -> None:
    transcoded = await transcode(clip("hdr.mp4").read_bytes())
    assert 'CODECS="avc1.64' in (made / "master.m3u8").read_text()
    assert colour(transcoded) == pytest.approx([213] * 3, abs=15)  # a bright grey: 160 unmapped
