"""What a player is told of a network's load is what the segments weigh."""

from instastream.video.playlists import Segmented, avc_codec, measure

SIZES = {"00000.m4s": 750_000, "00001.m4s": 900_000, "00002.m4s": 500_000}


def playlist(*seconds: float) -> str:
    entries = [f"#EXTINF:{one:.6f},\n{at:05}.m4s" for at, one in enumerate(seconds)]
    return "\n".join(["#EXTM3U", '#EXT-X-MAP:URI="init.mp4"', *entries, "#EXT-X-ENDLIST", ""])


def test_the_peak_is_that_of_the_heaviest_segment() -> None:
    measured = measure(playlist(6, 6, 4), SIZES)
    assert measured == Segmented(16, bits_per_s_peak=1_200_000, bits_per_s_mean=1_075_000)


def test_a_short_end_is_no_peak() -> None:
    assert measure(playlist(6, 6, 1), SIZES).bits_per_s_peak == 1_323_077  # the mean is above it
    assert measure(playlist(6, 6, 3), SIZES).bits_per_s_peak == round(8 * 500_000 / 3)


def test_a_playlist_without_segments_lasts_no_time() -> None:
    assert measure("", {}) == Segmented(0, 0, 0)


def test_a_codec_is_named_by_profile_constraints_and_level() -> None:
    assert avc_codec(b"....avcC\x01\x64\x00\x1f\xff") == "avc1.64001f"
