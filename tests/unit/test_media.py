"""What an upload's media becomes is decided right from its first bytes."""

from pathlib import Path

import pytest

from instastream.media import (
    DIGEST_BYTES,
    HEAD_BYTES,
    RENDERING,
    VARIANT_RATIO_MAX,
    VARIANTS,
    digest_of,
    digest_of_video,
    generation_of,
    kept_key,
    media_folder,
    object_key,
    root_of,
    root_of_key,
    sniff,
    sniff_video,
)

AVIF = b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B"
AVIF_AS_MIF1 = b"\0\0\0\x18ftypmif1\0\0\0\0miafavif"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
HEIC_OF_IOS_18 = b"\0\0\0\x34ftypheic\0\0\0\0mif1MiHBMiHEMiPrmiafheictmap"
HEIC_10_BIT = b"\0\0\0\x1cftypheix\0\0\0\0mif1heixmiaf"
HEIC_AS_MIF1 = b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"
HEIC_BURST = b"\0\0\0\x24ftypmsf1\0\0\0\0mif1heicmsf1hevciso8"
MIF1_ALONE = b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf"
MOV = b"\0\0\0\x14ftypqt  \0\0\2\0qt  "
WEBM = b"\x1a\x45\xdf\xa3\x8b\x42\x86\x81\x01\x42\x82\x84webm"
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isommp42"


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"GIF87a\x01\0\x01\0", "image/gif"),
        (b"GIF89a\x01\0\x01\0", "image/gif"),
        (AVIF, "image/avif"),
        (AVIF_AS_MIF1, "image/avif"),
        (HEIC, "image/heic"),
        (HEIC_OF_IOS_18, "image/heic"),
        (HEIC_10_BIT, "image/heic"),
        (HEIC_AS_MIF1, "image/heic"),
        (HEIC_BURST, "image/heic"),
    ],
)
def test_accepted_types_are_known_by_their_first_bytes(head: bytes, content_type: str) -> None:
    assert sniff(head) == content_type


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xd8",
        b"\x89PNG",
        b"GIF88a\0\0",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg/>",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"%PDF-1.7",
        b"#EXTM3U\n",
        b" \xff\xd8\xff\xe0",
        MIF1_ALONE,
        MP4,
        MOV,
        WEBM,
    ],
)
def test_everything_else_is_refused(head: bytes) -> None:
    assert sniff(head) is None


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (MP4, "video/mp4"),
        (b"\0\0\0\x18ftypM4V \0\0\0\1M4V mp42", "video/mp4"),
        (b"\0\0\0\x18ftypdash\0\0\0\0iso6mp41", "video/mp4"),
        (MOV, "video/quicktime"),
        (WEBM, "video/webm"),
    ],
)
def test_accepted_videos_are_known_by_their_first_bytes(head: bytes, content_type: str) -> None:
    assert sniff_video(head) == content_type


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"ftyp",
        b"\0\0\0\x18moov",
        AVIF,
        AVIF_AS_MIF1,
        HEIC,
        WEBM.replace(b"webm", b"mkv!"),
        b"#EXTM3U\n",
        b"ffconcat version 1.0",
        b"RIFF\x24\0\0\0AVI LIST",
    ],
)
def test_what_is_no_accepted_video_is_refused(head: bytes) -> None:
    assert sniff_video(head) is None


def test_a_video_and_a_photograph_of_the_same_bytes_have_different_digests(tmp_path: Path) -> None:
    path = tmp_path / "original"
    path.write_bytes(b"bytes" * 100_000)
    digest = digest_of_video(path, b"key")
    assert digest == digest_of_video(path, b"key") != digest_of(path.read_bytes(), b"key")
    assert digest != digest_of_video(path, b"other key")


def test_a_brand_counts_only_inside_its_own_box() -> None:
    assert sniff(HEIC + b"avif") == "image/heic"
    assert sniff(MP4 + b"avifheic") is None


def test_the_bytes_sniffed_by_hold_every_brand_of_a_camera_s_file() -> None:
    assert max(len(AVIF), len(HEIC_OF_IOS_18)) <= HEAD_BYTES


def test_the_same_bytes_have_the_same_digest_under_one_key_only() -> None:
    ours, theirs = b"k" * 32, b"t" * 32
    assert digest_of(b"photo", ours) == digest_of(b"photo", ours)
    assert digest_of(b"photo", ours) != digest_of(b"photo", theirs)
    assert digest_of(b"photo", ours) != digest_of(b"other", ours)
    assert len(digest_of(b"photo", ours)) == 2 * DIGEST_BYTES


def test_a_digest_never_changes_between_versions() -> None:
    assert digest_of(b"photo", b"k" * 32) == "9a0150c9182c9b4b6a176466ffd32de9"


def test_a_variant_has_one_key() -> None:
    folder = media_folder("ab12", generation=3)
    assert object_key(folder, "feed") == f"media/ab12/{RENDERING}-3/feed.webp"
    assert media_folder("ab12", generation=3, private=True) == f"private/ab12/{RENDERING}-3"


def test_the_variants_that_clients_rely_on_are_there() -> None:
    assert {spec.name: spec.width for spec in VARIANTS} == {
        "full": 2048,
        "feed": 1080,
        "thumb": 150,
    }


def test_other_bytes_are_another_rendering() -> None:
    """Clients keep what a key holds for a year: raise RENDERING with what changes the bytes."""
    as_of = [(spec.name, spec.width, spec.quality, spec.effort) for spec in VARIANTS]
    assert (RENDERING, VARIANT_RATIO_MAX, as_of) == (
        3,
        4,
        [("full", 2048, 82, 2), ("feed", 1080, 80, 4), ("thumb", 150, 80, 4)],
    )


def test_a_key_tells_its_generation_and_its_root() -> None:
    folder = media_folder("d1", generation=12, private=True)
    key = object_key(folder, "full")
    assert root_of_key(key) == root_of("d1", private=True) == "private/d1"
    assert generation_of(key, "private/d1") == 12
    assert generation_of(kept_key(folder), "private/d1") == 12
    assert generation_of(key, "media/d1") is None
    assert generation_of("media/d1/notes.txt", "media/d1") is None
