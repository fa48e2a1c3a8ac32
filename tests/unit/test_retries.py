"""Waits grow to a bound and are jittered; what fails is tried again as often as its app says."""

from itertools import islice
from random import Random

import pytest

from instastream.errors import Corrupt, Rejected, Unavailable
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
    wait_out,
)

BUG = KeyError("a bug")
NEVER = Corrupt("not-an-event", "bytes")


class Always(Random):
    """Draws one number."""

    def __init__(self, drawn: float) -> None:
        super().__init__()
        self.drawn = drawn

    def random(self) -> float:
        return self.drawn


@pytest.mark.parametrize(("drawn", "part"), [(1.0, 1.0), (0.0, 0.5)])
def test_waits_double_to_a_bound_and_at_least_half_of_that_is_waited(
    drawn: float, part: float
) -> None:
    doubled = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    waits = list(islice(backoff(Always(drawn)), len(doubled)))
    assert waits == pytest.approx([part * wait_s for wait_s in doubled])


def test_waits_are_bounded_and_jittered() -> None:
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


async def test_work_is_done_again_after_each_trouble_and_the_trouble_is_told() -> None:
    troubles = [Unavailable("redis", "away"), Unavailable("redis", "still")]
    coming, told, waited_s = iter(troubles), list[Exception](), list[float]()

    async def work() -> str:
        for trouble in coming:
            raise trouble
        return "done"

    async def sleep(wait_s: float) -> None:
        waited_s.append(wait_s)

    always = Always(1.0)
    done = await wait_out(work, Unavailable, random=always, sleep=sleep, waited=told.append)
    assert done == "done"
    assert told == troubles
    assert waited_s == [BACKOFF_FIRST_S, 2 * BACKOFF_FIRST_S]


async def test_what_is_other_trouble_is_not_waited_out() -> None:
    async def work() -> None:
        raise NEVER

    async def sleep(wait_s: float) -> None:
        raise AssertionError

    with pytest.raises(Corrupt):
        await wait_out(work, Unavailable, random=Random(), sleep=sleep, waited=lambda _: None)
