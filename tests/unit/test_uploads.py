"""What may be declared depends on whether it is an image or a video."""

import pytest

from instastream.errors import Rejected
from instastream.limits import IMAGE_BYTES_MAX, VIDEO_BYTES_MAX
from instastream.uploads import IMAGE_TYPES, VIDEO_TYPES, check_declared, is_video

SHA256 = "A" * 43 + "="
LIMITS = [(kind, IMAGE_BYTES_MAX) for kind in IMAGE_TYPES] + [
    (kind, VIDEO_BYTES_MAX) for kind in VIDEO_TYPES
]


def problem(content_type: str, size_bytes: int) -> str | None:
    try:
        check_declared(content_type=content_type, size_bytes=size_bytes, sha256=SHA256)
    except Rejected as error:
        return error.problem
    return None


@pytest.mark.parametrize(("content_type", "most"), LIMITS)
def test_every_type_has_its_limit(content_type: str, most: int) -> None:
    assert problem(content_type, 0) == "upload-too-large"
    assert problem(content_type, most - 1) is None
    assert problem(content_type, most) is None
    assert problem(content_type, most + 1) == "upload-too-large"


def test_a_size_that_is_refused_is_told_the_limits_as_people_say_them() -> None:
    with pytest.raises(Rejected, match="an image has 1 byte to 30 MiB"):
        check_declared(content_type="image/png", size_bytes=0, sha256=SHA256)


def test_a_type_belongs_to_one_app() -> None:
    assert all(is_video(content_type) for content_type in VIDEO_TYPES)
    assert not any(is_video(content_type) for content_type in IMAGE_TYPES)


@pytest.mark.parametrize("content_type", ["video/x-matroska", "application/x-mpegurl", "video/"])
def test_other_videos_are_not_accepted(content_type: str) -> None:
    assert problem(content_type, 1) == "unsupported-media-type"
