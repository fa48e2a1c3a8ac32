"""Which posts are pushed, which pulled, and that nobody flutters between."""

import pytest
from msgspec.structs import replace

from instastream.events import Fanout
from instastream.stamps import stamp
from tests.conftest import IN_MEMORY

SETTINGS = replace(IN_MEMORY, pull_from=10, push_below=8)


@pytest.mark.parametrize(
    ("followers", "previous", "expected"),
    [
        (0, "push", "push"),
        (7, "pull", "push"),
        (8, "pull", "pull"),
        (8, "push", "push"),
        (9, "push", "push"),
        (9, "pull", "pull"),
        (10, "push", "pull"),
        (1_000_000, "push", "pull"),
    ],
)
def test_the_thresholds_decide_and_between_them_the_previous_post(
    followers: int, previous: Fanout, expected: Fanout
) -> None:
    assert stamp(followers, previous, SETTINGS) == expected


@pytest.mark.parametrize(("followers", "expected"), [(7_999, "push"), (9_999, "pull")])
def test_by_default_it_is_eight_and_ten_thousand(followers: int, expected: Fanout) -> None:
    assert stamp(followers, "pull", IN_MEMORY) == expected
    assert stamp(10_000, "push", IN_MEMORY) == "pull"
    assert stamp(9_999, "push", IN_MEMORY) == "push"
