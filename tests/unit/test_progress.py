"""A consumer commits everything before the oldest work in flight, and nothing more."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from instastream.progress import Behind, Progress


def test_nothing_is_committed_before_anything_began() -> None:
    assert Progress[str]().committable() == {}


def test_work_done_out_of_order_waits_for_the_oldest() -> None:
    progress = Progress[str]()
    for offset in (7, 8, 9):
        progress.begin("p", offset, at_ms=0)
    progress.done("p", 8)
    progress.done("p", 9)
    assert progress.committable() == {"p": 7}
    progress.done("p", 7)
    assert progress.committable() == {"p": 10}


def test_what_is_read_again_is_waited_for_again() -> None:
    progress = Progress[str]()
    for offset in (7, 8, 7):
        progress.begin("p", offset, at_ms=0)
        progress.done("p", 8)
    assert progress.committable() == {"p": 7}
    progress.done("p", 7)
    assert progress.committable() == {"p": 9}


def test_partitions_are_apart() -> None:
    progress = Progress[str]()
    progress.begin("a", 5, at_ms=0)
    progress.begin("b", 1, at_ms=0)
    progress.done("b", 1)
    assert progress.committable() == {"a": 5, "b": 2}


@given(offsets=st.sets(st.integers(0, 50), min_size=1), random=st.randoms(use_true_random=False))
def test_what_is_committable_is_done_and_what_is_not_is_in_flight(
    offsets: set[int], random: Random
) -> None:
    progress, waiting = Progress[str](), sorted(offsets)  # compaction leaves gaps
    in_flight: set[int] = set()
    while waiting or in_flight:
        if waiting and random.random() < 0.5:
            in_flight.add(waiting[0])
            progress.begin("p", waiting.pop(0), at_ms=0)
        elif in_flight:
            offset = random.choice(sorted(in_flight))
            in_flight.remove(offset)
            progress.done("p", offset)
        if commit := progress.committable().get("p"):
            assert all(offset >= commit for offset in in_flight)
            assert not in_flight or commit in in_flight
    assert progress.committable() == {"p": max(offsets) + 1}


def test_what_waits_is_as_old_as_the_first_of_it() -> None:
    progress = Progress[str]()
    progress.fetch("p", 7, at_ms=70)
    progress.fetch("p", 20, at_ms=200)
    assert progress.behind({"p": 30}, {"p": 7}) == {"p": Behind(23, 70)}


def test_what_is_in_flight_is_as_old_as_the_oldest_of_it() -> None:
    progress = Progress[str]()
    progress.fetch("p", 7, at_ms=70)
    for offset in (7, 8, 9):
        progress.begin("p", offset, at_ms=offset * 10)
    progress.done("p", 7)
    assert progress.behind({"p": 10}, {}) == {"p": Behind(2, 80)}
    progress.done("p", 9)
    progress.done("p", 8)
    assert progress.behind({"p": 10}, {}) == {"p": Behind(0, None)}


def test_what_was_begun_waits_no_more_and_what_comes_after_it_does() -> None:
    progress = Progress[str]()
    progress.fetch("p", 7, at_ms=70)
    progress.fetch("p", 9, at_ms=90)
    progress.begin("p", 7, at_ms=70)
    progress.done("p", 7)
    assert progress.behind({"p": 12}, {}) == {"p": Behind(4, 90)}


def test_where_nothing_has_begun_it_is_behind_from_its_position_or_not_known_to_be() -> None:
    ends = {"read": 12, "unread": 12}
    behind = Progress[str]().behind(ends, {"read": 5})
    assert behind == {"read": Behind(7, None), "unread": Behind(0, None)}
