"""Waits grow to a bound and are jittered; what fails is tried again as often as its app says."""

from itertools import islice
from random import Random

import pytest

from instastream.errors import Corrupt, Rejected
from instastream.retries import (
    BACKOFF_FIRST_S,
    BACKOFF_MAX_S,
    IN_ORDER,
    OVERTAKEN,
    Hold,
    Move,
    Policy,
    backoff,
    decide,
)

BUG = KeyError("a bug")
NEVER = Corrupt("not-an-event", "bytes")


def test_waits_double_to_a_bound_and_are_jittered() -> None:
    waits = list(islice(backoff(Random(1)), 50))
    assert BACKOFF_FIRST_S / 2 <= waits[0] <= BACKOFF_FIRST_S
    assert all(BACKOFF_MAX_S / 2 <= wait <= BACKOFF_MAX_S for wait in waits[10:])
    assert len(set(waits)) == 50


@pytest.mark.parametrize(
    ("policy", "error", "attempts", "step"),
    [
        (OVERTAKEN, BUG, 1, Move("retry.5s")),
        (OVERTAKEN, BUG, 2, Move("retry.1m")),
        (OVERTAKEN, BUG, 3, Move("retry.10m")),
        (OVERTAKEN, BUG, 4, Move("dead")),
        (OVERTAKEN, BUG, 5, Move("dead")),
        (OVERTAKEN, TimeoutError(), 1, Move("retry.5s")),
        (OVERTAKEN, Rejected("x", "y"), 1, Move("retry.5s")),
        (OVERTAKEN, NEVER, 1, Move("dead")),
        (OVERTAKEN, NEVER, 3, Move("dead")),
        (IN_ORDER, BUG, 1, Hold(1.0)),
        (IN_ORDER, BUG, 2, Hold(5.0)),
        (IN_ORDER, BUG, 3, Move("dead")),
        (IN_ORDER, NEVER, 1, Move("dead")),
        (Policy(), BUG, 1, Move("dead")),
        (Policy(holds_s=(2.0,), topics=("retry.1m",)), BUG, 1, Hold(2.0)),
        (Policy(holds_s=(2.0,), topics=("retry.1m",)), BUG, 2, Move("retry.1m")),
        (Policy(holds_s=(2.0,), topics=("retry.1m",)), BUG, 3, Move("dead")),
    ],
)
def test_what_fails_is_tried_again_as_its_policy_says_and_then_dead(
    policy: Policy, error: Exception, attempts: int, step: Hold | Move
) -> None:
    assert decide(policy, error, attempts) == step
