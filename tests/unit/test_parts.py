"""How uploads are cut: every byte is in one part, at the limits as between them."""

import base64
from hashlib import sha256

import pytest

from instastream.limits import PART_BYTES, PARTS_MAX, VIDEO_BYTES_MAX
from instastream.parts import part_count, part_sizes, sha256_of_parts


@pytest.mark.parametrize(
    ("size_bytes", "count", "last"),
    [
        (1, 1, 1),
        (PART_BYTES, 1, PART_BYTES),
        (PART_BYTES + 1, 2, 1),
        (2 * PART_BYTES - 1, 2, PART_BYTES - 1),
        (VIDEO_BYTES_MAX, PARTS_MAX, VIDEO_BYTES_MAX % PART_BYTES or PART_BYTES),
    ],
)
def test_all_parts_have_one_size_but_the_last(size_bytes: int, count: int, last: int) -> None:
    sizes = part_sizes(size_bytes)
    assert list(sizes) == list(range(1, count + 1))
    assert part_count(size_bytes) == count
    assert sizes.pop(count) == last
    assert set(sizes.values()) <= {PART_BYTES}


def test_the_digest_of_parts_is_that_of_their_digests() -> None:
    digests = [sha256(part).digest() for part in (b"a", b"b")]
    whole = base64.b64encode(sha256(b"".join(digests)).digest()).decode()
    assert sha256_of_parts([base64.b64encode(each).decode() for each in digests]) == whole
