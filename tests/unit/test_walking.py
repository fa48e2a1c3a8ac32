"""A list is read past what is hidden in it: whole pages, and few reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.limits import WALK_STEP_MAX, WALK_STEPS_MAX
from instastream.walking import Step, Walked, walk

HIDDEN = st.frozensets(st.integers(1, 60)) | st.builds(
    range, st.integers(1, 20), st.integers(1, 400)
)


class Numbers:
    """A list of numbers in order, some of them hidden; it notes how many each read asks for."""

    def __init__(self, length: int, hidden: frozenset[int] | range) -> None:
        self.numbers = range(1, length + 1)
        self.hidden = hidden
        self.counts: list[int] = []

    async def read(self, after: int, count: int) -> Step[int, str]:
        self.counts.append(count)
        found = self.numbers[after : after + count]
        shown = [(number, str(number)) for number in found if number not in self.hidden]
        return Step(shown, found[-1] if len(found) == count else None)

    async def page(self, after: int, limit: int, step_max: int = WALK_STEP_MAX) -> Walked[int, str]:
        self.counts.clear()
        return await walk(self.read, after=after, limit=limit, step_max=step_max)


@given(
    length=st.integers(0, 400),
    hidden=HIDDEN,
    limit=st.integers(1, 12),
    step_max=st.sampled_from([1, WALK_STEP_MAX]),
)
async def test_page_after_page_is_all_that_is_shown_and_short_only_at_the_end_or_after_all_steps(
    length: int, hidden: frozenset[int] | range, limit: int, step_max: int
) -> None:
    numbers = Numbers(length, hidden)
    walked: list[str] = []
    after: int | None = 0
    while after is not None:
        page = await numbers.page(after, limit, step_max)
        is_whole = len(page.shown) == limit or page.after is None
        assert is_whole or len(numbers.counts) == WALK_STEPS_MAX
        assert len(numbers.counts) <= WALK_STEPS_MAX
        walked += page.shown
        after = page.after
    assert walked == [str(number) for number in numbers.numbers if number not in hidden]


@pytest.mark.parametrize("limit", [1, 30, 100])
async def test_a_page_of_what_is_all_shown_is_one_read_of_one_more(limit: int) -> None:
    numbers = Numbers(1_000, frozenset())
    await numbers.page(0, limit)
    assert numbers.counts == [limit + 1]


async def test_what_is_hidden_is_gone_past_in_steps_that_grow_up_to_the_largest() -> None:
    numbers = Numbers(2_010, range(1, 2_001))
    page = await numbers.page(0, 30)
    assert page.shown == [str(number) for number in range(2_001, 2_011)]
    assert numbers.counts == [31, 62, 124, 248, 496, *3 * [WALK_STEP_MAX]]


async def test_no_step_is_smaller_than_the_page() -> None:
    numbers = Numbers(1_000, range(1, 301))
    await numbers.page(0, 100, step_max=50)
    assert set(numbers.counts) == {101}


async def test_a_hundred_thousand_hidden_entries_are_pages_of_so_many_reads_each() -> None:
    numbers = Numbers(100_003, range(2, 100_002))
    first = await numbers.page(0, 30)
    assert first.shown == ["1"], "what came before is shown"
    assert len(numbers.counts) == WALK_STEPS_MAX
    assert first.after == sum(numbers.counts), "on from what was looked at last"
    pages = 1
    after: int | None = first.after
    while after is not None:
        page = await numbers.page(after, 30)
        assert len(numbers.counts) <= WALK_STEPS_MAX
        pages, after = pages + 1, page.after
    assert page.shown == ["100002", "100003"]
    assert pages == 12
