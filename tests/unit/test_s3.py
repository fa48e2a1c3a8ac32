"""What is asked of the object store, where no server is needed to see it."""

import asyncio
from itertools import permutations
from typing import Any

import pytest

from instastream.errors import Unavailable
from instastream.limits import IMAGE_BYTES_MAX, VIDEO_BYTES_MAX
from instastream.stores import s3
from instastream.stores.multiparts import Part
from instastream.stores.s3 import S3Blobs, copy_s_max
from instastream.stores.s3_multiparts import S3Multiparts


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


class Listing:
    """A store in which these parts have arrived: number, second and entity tag of each."""

    def __init__(self, *sent: tuple[int, int, str]) -> None:
        self._sent = sent

    async def list_parts(self, **_: object) -> dict[str, Any]:
        names = ("PartNumber", "LastModified", "ETag")
        return {"Parts": [{**dict(zip(names, one, strict=True)), "Size": 1} for one in self._sent]}


@pytest.mark.parametrize(
    ("sent", "counts"),
    [
        ([(1, 8, "a"), (2, 7, "b")], {1: "a", 2: "b"}),
        ([(1, 7, "a"), (1, 8, "b"), (2, 7, "c")], {1: "b", 2: "c"}),
        ([(1, 7, "a"), (1, 7, "a")], {1: "a"}),
        ([(1, 7, "a"), (1, 7, "b"), (2, 7, "c")], {2: "c"}),
        ([(1, 7, "a"), (1, 7, "b"), (1, 8, "b")], {1: "b"}),
        ([(1, 7, "a"), (1, 8, "b"), (1, 8, "a")], {}),
        ([], {}),
    ],
)
async def test_of_a_part_sent_again_the_later_counts_and_of_the_same_second_neither(
    sent: list[tuple[int, int, str]], counts: dict[int, str]
) -> None:
    for listed in permutations(sent):
        parts = await S3Multiparts(Listing(*listed), "bucket").parts("key", "id")
        assert parts == {number: Part(number, 1, etag) for number, etag in counts.items()}
