"""Ids sort by time, as strings too, and are never minted twice."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.errors import Rejected, Unavailable
from instastream.ids import (
    CLOCK_BACK_MS_MAX,
    EPOCH_MS,
    SEQUENCES,
    WORKERS,
    Lease,
    Mint,
    compose,
    minted_ms,
    month_before,
    month_of,
    newest,
    parse_post_id,
    parse_user_id,
)

IN_2023_MS = 1_672_531_200_000
IN_2082_MS = 3_534_451_200_000
times = st.integers(IN_2023_MS, IN_2082_MS)
START_MS = 1_795_000_000_000
DECEMBER_2026_MS = 1_796_083_200_000


@given(times, times, st.integers(0, WORKERS - 1), st.integers(0, SEQUENCES - 1))
def test_ids_sort_by_time_as_strings(
    one_ms: int, other_ms: int, worker: int, sequence: int
) -> None:
    one = compose(at_ms=one_ms, worker=worker, sequence=sequence)
    other = compose(at_ms=other_ms, worker=worker, sequence=sequence)
    assert (one < other) == (one_ms < other_ms)
    assert minted_ms(one) == one_ms
    assert parse_post_id(one) == one


@given(times, st.integers(0, WORKERS - 1), st.integers(0, SEQUENCES - 1))
def test_the_newest_id_is_above_all_that_were_minted(at_ms: int, worker: int, n: int) -> None:
    assert newest(at_ms) > compose(at_ms=at_ms, worker=worker, sequence=n)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "x" * 19,
        "0" + "1" * 18,
        "1" * 20,
        "1" * 18,
        "-" + "1" * 18,
        "\uff11" * 19,
        "9" * 19,
    ],
)
def test_what_is_not_an_id_is_rejected(text: str) -> None:
    with pytest.raises(Rejected) as raised:
        parse_user_id(text)
    assert raised.value.problem == "invalid-id"
    assert raised.value.detail == f"{text!r} is not an id of this API"


def test_of_what_is_no_id_the_beginning_is_shown() -> None:
    with pytest.raises(Rejected, match=f"^'{40 * 'x'}' is not an id"):
        parse_user_id(50 * "x")


def test_months_go_back_across_new_year() -> None:
    assert month_of(compose(at_ms=START_MS, worker=0, sequence=0)) == 202611
    assert month_before(202611) == 202610
    assert month_before(202602) == 202601
    assert month_before(202601) == 202512


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine of another time zone."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_months_are_those_of_utc_wherever_the_machine_is() -> None:
    assert month_of(compose(at_ms=DECEMBER_2026_MS - 1, worker=0, sequence=0)) == 202611
    assert month_of(compose(at_ms=DECEMBER_2026_MS, worker=0, sequence=0)) == 202612


@given(
    st.lists(st.integers(-CLOCK_BACK_MS_MAX, 50), max_size=200),
    st.integers(0, WORKERS - 1),
)
def test_ids_of_a_lease_ascend_however_the_clock_steps(steps: list[int], worker: int) -> None:
    mint = Mint(Lease(worker, START_MS, IN_2082_MS))
    now_ms, ids = START_MS, []
    for step in steps:
        now_ms = max(now_ms + step, START_MS)
        if now_ms >= mint.end_ms - 1 - CLOCK_BACK_MS_MAX:
            ids.append(mint.next(now_ms))
    assert ids == sorted(set(ids))
    assert all(START_MS <= minted_ms(i) < mint.end_ms for i in ids)


def test_a_busy_millisecond_borrows_from_the_next() -> None:
    mint = Mint(Lease(7, START_MS, START_MS + 10))
    ids = [mint.next(START_MS) for _ in range(3 * SEQUENCES)]
    assert ids == sorted(set(ids))
    each = [START_MS, START_MS + 1, START_MS + 2]
    assert [minted_ms(one) for one in ids] == [at_ms for at_ms in each for _ in range(SEQUENCES)]


def test_a_clock_that_steps_far_back_is_refused() -> None:
    mint = Mint(Lease(7, START_MS, IN_2082_MS))
    mint.next(START_MS + CLOCK_BACK_MS_MAX + 1)
    mint.next(START_MS + 1)
    with pytest.raises(Unavailable) as raised:
        mint.next(START_MS)
    assert str(raised.value) == "the clock is unavailable: it stepped back by 5001 ms"


def test_no_id_is_of_a_time_after_its_lease() -> None:
    mint = Mint(Lease(7, START_MS, START_MS + 1))
    for _ in range(SEQUENCES):
        mint.next(START_MS)
    with pytest.raises(AssertionError):
        mint.next(START_MS)


def test_a_lease_covers_only_its_own_time() -> None:
    mint = Mint(Lease(7, START_MS, START_MS + 10))
    assert mint.covers(START_MS + 9)
    assert not mint.covers(START_MS + 10)
    mint.next(START_MS + 8)
    assert mint.covers(START_MS)
    mint.next(START_MS + 9)
    assert not mint.covers(START_MS), "the next millisecond, borrowed, would be another's"


def test_an_epoch_is_never_moved() -> None:
    assert EPOCH_MS == 1_420_070_400_000
    assert compose(at_ms=START_MS, worker=3, sequence=5) == "1572568720998412293"
