"""What is uploaded."""

from collections import Counter
from hashlib import sha256
from io import BytesIO

import pytest
from PIL import Image

from instastream.limits import IMAGE_BYTES_MAX
from instastream.load.scenario.media import Original, original, sort_of
from instastream.load.scenario.scenarios import IMAGE_BYTES_MIN, Media

COUNT = 40


def originals(media: Media, *, seed: int = 1) -> list[Original]:
    return [original(number, media, seed=seed) for number in range(COUNT)]


def digests(made: list[Original]) -> set[bytes]:
    return {sha256(one.content).digest() for one in made}


@pytest.mark.parametrize("source", ["photos", "synthetic"])
def test_each_is_another_and_opens(source: str) -> None:
    media = Media(source=source, size_bytes=20_000)  # type: ignore[arg-type]
    made = originals(media)
    assert len(digests(made)) == COUNT
    for one in made[:12]:
        Image.open(BytesIO(one.content)).load()


def test_the_same_seed_gives_the_same_and_another_gives_others() -> None:
    assert originals(Media()) == originals(Media())
    assert digests(originals(Media())).isdisjoint(digests(originals(Media(), seed=2)))


@pytest.mark.parametrize("size_bytes", [IMAGE_BYTES_MIN, 100_001, 3_000_000])
def test_noise_has_the_size_that_is_asked_for(size_bytes: int) -> None:
    made = original(3, Media(source="synthetic", size_bytes=size_bytes), seed=1)
    assert abs(len(made.content) - size_bytes) < 4
    Image.open(BytesIO(made.content)).load()


def test_it_is_never_larger_than_an_image_may_be() -> None:
    made = original(0, Media(source="synthetic", size_bytes=IMAGE_BYTES_MAX), seed=1)
    assert IMAGE_BYTES_MAX - 4 < len(made.content) <= IMAGE_BYTES_MAX


def test_shares_are_as_asked_and_said_without_making_anything() -> None:
    media = Media(hostile=0.25, videos=0.25, duplicates=0.25)
    seen = Counter(sort_of(number, media, seed=1) for number in range(4_000))
    assert all(900 < seen[sort] < 1_100 for sort in ("hostile", "video", "duplicate", "distinct"))


def test_each_is_what_it_is_said_to_be() -> None:
    media = Media(hostile=0.3, videos=0.3, duplicates=0.3)
    for number, one in enumerate(originals(media)):
        sort = sort_of(number, media, seed=1)
        assert one.poison == (sort == "hostile")
        assert (one.content_type == "video/mp4") == (sort == "video")
        if sort == "hostile":
            with pytest.raises(OSError, match="cannot identify"):
                Image.open(BytesIO(one.content))


def test_duplicates_are_few_pictures_many_times() -> None:
    made = originals(Media(duplicates=0.9))
    assert len(digests(made)) < COUNT / 2


def test_videos_are_each_another() -> None:
    made = originals(Media(videos=1.0))[:5]
    assert len(digests(made)) == 5
    assert all(one.content[4:8] == b"ftyp" for one in made)
