"""Digests are equal where contents are, and tell in which part they are not."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Unready
from instastream.rebuilding.digesting import Digest, Sum, differences, digest_of_totals, summed
from instastream.stores.counters import Total
from instastream.stores.memory_counts import MemoryCounts

rows = st.lists(st.tuples(st.integers(), st.text(max_size=3)), max_size=20)


def digest(*parts: Sequence[tuple[object, ...]], table: str = "users") -> Digest:
    return summed(table, table, [Sum().having(part) for part in parts])


@given(rows, st.randoms())
def test_order_does_not_matter_nor_how_many_come_at_once(
    contents: list[tuple[int, str]], random: object
) -> None:
    whole = Sum().having(contents)
    shuffled = list(contents)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one_by_one = Sum()
    for one in shuffled:
        one_by_one = one_by_one.having([one])
    assert one_by_one == whole


@given(rows, rows)
def test_where_rows_are_divided_into_parts_does_not_matter_to_the_whole(
    some: list[tuple[int, str]], others: list[tuple[int, str]]
) -> None:
    divided, whole = digest(some, others), digest([*some, *others])
    assert (divided.rows, divided.digest) == (whole.rows, whole.digest)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([(1, "a")], []),
        ([(1, "a")], [(1, "a"), (1, "a")]),
        ([(1, "a"), (2, "b")], [(1, "b"), (2, "a")]),
        ([(1, None)], [(1, "")]),
        ([(1, 2)], [(12,)]),
        ([(1, "a")] * 2, [(1, "b")] * 2),
    ],
)
def test_other_contents_have_another_digest(
    one: list[tuple[object, ...]], other: list[tuple[object, ...]]
) -> None:
    assert digest(one).digest != digest(other).digest


def test_a_difference_is_told_with_the_parts_it_is_in() -> None:
    before = [digest([(1,)], [(2,)], [(3,)]), digest([(1,)], table="posts")]
    now = [digest([(1,)], [], [(4,)]), digest([(1,)], table="posts")]
    [found] = differences(now, before)
    assert (found.table, found.rows, found.rows_before) == ("users", 2, 3)
    assert found.parts == [1, 2]
    assert differences(before, before) == []


def test_what_can_not_be_compared_is_refused() -> None:
    with pytest.raises(Unready, match="give --parts 2"):
        differences([digest([(1,)])], [digest([(1,)], [])])
    with pytest.raises(Unready, match="nothing to compare posts with"):
        differences([digest([], table="posts")], [digest([])])


async def test_totals_have_a_digest_of_which_their_kind_is_part() -> None:
    def total(subject_id: str, count: int) -> Total:
        return Total(subject_id=subject_id, count=count, size=count, version=1, at_ms=1)

    async def digest_of(*totals: tuple[str, str, int]) -> str:
        counts = MemoryCounts()
        for kind, subject_id, count in totals:
            await counts.publish(
                "likes" if kind == "likes" else "comments", [total(subject_id, count)]
            )
        return (await digest_of_totals(counts)).digest

    both = ("likes", "1", 3), ("comments", "1", 5)
    assert await digest_of(*both) == await digest_of(*reversed(both))
    assert await digest_of(*both) != await digest_of(("likes", "1", 5), ("comments", "1", 3))
