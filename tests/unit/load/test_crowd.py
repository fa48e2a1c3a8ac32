"""What there is of an invented world is bounded, and who is popular stays so."""

from random import Random

import pytest

from instastream.load.into_topics import crowd
from instastream.load.into_topics.crowd import Lately, Popular


@pytest.mark.parametrize(("came", "there"), [(9, 9), (10, 10), (11, 10), (1_000, 10)])
def test_a_crowd_that_is_full_changes_in_its_less_popular_half(
    monkeypatch: pytest.MonkeyPatch, came: int, there: int
) -> None:
    monkeypatch.setattr(crowd, "POPULAR_MAX", 10)
    popular = Popular[int](Random(1), zipf=1.0)
    for number in range(came):
        popular.add(number)
    assert len(popular.all) == there
    assert popular.all[:5] == [0, 1, 2, 3, 4]
    assert came - 1 in popular.all


@pytest.mark.parametrize(("came", "there"), [(2, 2), (3, 3), (4, 3), (1_000, 3)])
def test_only_so_much_of_what_was_said_lately_is_remembered(came: int, there: int) -> None:
    lately = Lately[int](Random(1), length=3)
    for number in range(came):
        lately.add(number)
    assert len(lately) == there
    taken = {lately.take() for _ in range(there)}
    assert len(taken) == there
    assert came - 1 in taken
    assert not lately
