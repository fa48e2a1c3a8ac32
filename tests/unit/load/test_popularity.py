"""Who and what is chosen."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.load.scenario.popularity import Ranks, rank


@given(
    count=st.integers(1, 10_000),
    exponent=st.floats(0, 5),
    seed=st.integers(0, 1 << 32),
)
def test_a_rank_is_one_of_those_that_are_there(count: int, exponent: float, seed: int) -> None:
    assert 0 <= rank(Random(seed).random(), count, exponent) < count


def test_without_an_exponent_all_are_alike() -> None:
    random = Random(1)
    seen = Counter(rank(random.random(), 10, 0) for _ in range(20_000))
    assert all(1_800 < seen[at] < 2_200 for at in range(10))


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.5])
def test_ten_times_the_rank_is_chosen_as_seldom_as_the_law_says(exponent: float) -> None:
    random = Random(1)
    seen = Counter(rank(random.random(), 100_000, exponent) for _ in range(400_000))
    few, many = (sum(seen[at] for at in range(first, 2 * first)) for first in (20, 200))
    assert many / few == pytest.approx(10 ** (1 - exponent), rel=0.12)


def ranks(seed: int, count: int) -> Ranks:
    made = Ranks(Random(seed), exponent=2.0)
    for number in range(count):
        made.add(number)
    return made


def test_what_is_hot_for_one_is_not_for_another() -> None:
    reads, writes = ranks(1, 1_000), ranks(2, 1_000)
    [(read, _)] = Counter(reads.choose() for _ in range(200)).most_common(1)
    [(written, _)] = Counter(writes.choose() for _ in range(200)).most_common(1)
    assert read != written


@given(count=st.integers(1, 50), gone=st.sets(st.integers(0, 49)), seed=st.integers(0, 1000))
def test_what_was_removed_is_never_chosen(count: int, gone: set[int], seed: int) -> None:
    made = ranks(seed, count)
    for number in gone & set(range(count)):
        made.remove(number)
    left = set(range(count)) - gone
    assert len(made) == len(left)
    if left:
        assert {made.choose() for _ in range(50)} <= left


def test_of_nothing_nothing_is_chosen() -> None:
    with pytest.raises(IndexError):
        ranks(1, 0).choose()
