"""Of operations that overlap or were lost, no more is said than can be known."""

from itertools import pairwise, product
from math import inf

import pytest

from instastream.load.checks.registers import KEPT, OPEN_MS_MAX, Change, Register, Truth

NOT, SURE, EITHER = Truth(False, False), Truth(True, True), Truth(True, False)


def of(*changes: tuple[bool, float, float]) -> Register:
    """What began and ended when; infinite: nobody knows."""
    register = Register()
    for value, began, ended in changes:
        change = register.begin(value=value, at_ms=began)
        change.ended, change.sure = ended, ended < inf
    return register


@pytest.mark.parametrize(
    ("changes", "truth"),
    [
        ([], NOT),
        ([(True, 1, 2)], SURE),
        ([(True, 1, 2), (False, 3, 4)], NOT),
        ([(True, 1, 3), (False, 2, 4)], EITHER),
        ([(True, 1, inf)], EITHER),
        ([(True, 1, inf), (False, 3, 4)], EITHER),
        ([(True, 1, inf), (True, 3, 4)], SURE),
        ([(True, 1, 2), (False, 3, inf), (True, 5, 6)], EITHER),
        ([(False, 1, 9), (True, 2, 3)], EITHER),
        ([(False, 1, 9), (True, 2, 3), (True, 10, 11)], SURE),
    ],
)
def test_what_is_so_in_the_end(changes: list[tuple[bool, float, float]], truth: Truth) -> None:
    assert of(*changes).finally_() == truth


def test_while_something_changes_it_is_either() -> None:
    like = of((True, 10, 20))
    assert like.during(0, 5) == NOT
    assert like.during(0, 15) == EITHER
    assert like.during(15, 30) == EITHER
    assert like.during(21, 30) == SURE


def test_what_surely_did_not_happen_is_nothing() -> None:
    register = Register()
    register.drop(register.begin(value=True, at_ms=1))
    assert register.finally_() == NOT


def test_it_holds_since_it_was_answered_and_never_again_taken_back() -> None:
    assert of((True, 1, 2), (True, 3, 4)).held_since() == 2
    assert of((True, 1, 2), (False, 3, 4), (True, 5, 6), (True, 7, 8)).held_since() == 6
    assert of((True, 1, 2), (False, 3, inf), (True, 5, 6)).held_since() == inf
    assert of((False, 1, 5), (True, 2, 6)).held_since() == inf
    assert Register().held_since() == inf


def test_what_is_long_past_is_forgotten_and_changes_nothing() -> None:
    step = OPEN_MS_MAX
    changes = [(bool(n % 2), n * step, n * step + 1) for n in range(10 * KEPT)]
    register = of(*changes)
    assert len(register._changes) <= 2 * KEPT
    for (value, began, ended), (_, following, _) in list(pairwise(changes))[-3:]:
        assert register.during(ended + 1, following - 1) == Truth(value, value)
        assert began < ended
    assert register.finally_() == Truth(changes[-1][0], changes[-1][0])


def test_forgetting_never_decides_what_nobody_knows() -> None:
    lost = (True, 0.0, inf)
    later = [(False, n * OPEN_MS_MAX, n * OPEN_MS_MAX + 1) for n in range(1, 3 * KEPT)]
    assert of(lost, *later).finally_() == EITHER


def test_a_follow_that_may_be_a_request_takes_nothing_back() -> None:
    for value, sure in product((True, False), repeat=2):
        register = of((not value, 1, 2))
        change: Change = register.begin(value=value, at_ms=3)
        change.ended, change.sure = 4, sure
        assert register.finally_().known == sure
