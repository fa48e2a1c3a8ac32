"""What is asked of the object store, where no server is needed to see it."""

import asyncio

import pytest

from instastream.errors import Unavailable
from instastream.limits import IMAGE_BYTES_MAX, VIDEO_BYTES_MAX
from instastream.stores import s3
from instastream.stores.s3 import S3Blobs, copy_s_max


@pytest.mark.parametrize(
    ("size_bytes", "seconds"),
    [(1, 30), (IMAGE_BYTES_MAX, 30), (2 * IMAGE_BYTES_MAX, 60), (VIDEO_BYTES_MAX, 500)],
)
def test_a_large_original_may_be_copied_for_longer(size_bytes: int, seconds: int) -> None:
    assert copy_s_max(size_bytes) == seconds


class Hanging:
    """A store that never answers."""

    async def copy_object(self, **_: object) -> None:
        await asyncio.sleep(3_600)


async def test_a_copy_without_an_answer_is_tried_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3, "READ_TIMEOUT_S", 0.01)
    with pytest.raises(Unavailable):
        await S3Blobs(Hanging(), "bucket").copy("a", "b", size_bytes=1)
