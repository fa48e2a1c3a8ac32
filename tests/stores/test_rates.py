"""The contract of Rates."""

import asyncio

from instastream.deps import Deps
from instastream.ids import UserId
from instastream.limits import Rate
from tests.stores.conftest import new_id

SLOW = Rate(at_once=3, every_s=3_600)


async def test_as_much_as_a_rate_allows_is_taken_at_once_and_then_there_is_a_wait(
    deps: Deps, user: UserId
) -> None:
    taken = [await deps.rates.take("likes", user, SLOW) for _ in range(3)]
    assert [(one.wait_s, one.left) for one in taken] == [(0, 2), (0, 1), (0, 0)]
    first, second = [await deps.rates.take("likes", user, SLOW) for _ in range(2)]
    assert 3_000 < second.wait_s <= first.wait_s <= 3_600, "who is refused waits no longer for it"
    assert first.left == second.left == 0


async def test_it_is_told_when_all_of_a_rate_is_there_again(deps: Deps, user: UserId) -> None:
    for count in (1, 2, 3, 3):
        whole_s = (await deps.rates.take("likes", user, SLOW)).whole_s
        assert count * 3_600 - 60 < whole_s <= count * 3_600


async def test_of_many_at_once_no_more_are_let_through(deps: Deps, user: UserId) -> None:
    taken = await asyncio.gather(*(deps.rates.take("likes", user, SLOW) for _ in range(20)))
    assert [one.wait_s for one in taken].count(0) == 3


async def test_what_is_done_and_who_does_it_have_rates_of_their_own(
    deps: Deps, user: UserId
) -> None:
    rate = Rate(at_once=1, every_s=60)
    for what, whose in (("likes", user), ("comments", user), ("likes", new_id())):
        assert (await deps.rates.take(what, whose, rate)).wait_s == 0
    assert (await deps.rates.take("likes", user, rate)).wait_s > 0


async def test_whoever_waits_may_go_on_one_at_a_time(deps: Deps, user: UserId) -> None:
    rate = Rate(at_once=2, every_s=0.2)
    for _ in range(2):
        assert (await deps.rates.take("likes", user, rate)).wait_s == 0
    for _ in range(3):
        while wait_s := (await deps.rates.take("likes", user, rate)).wait_s:
            assert wait_s <= rate.every_s
            await asyncio.sleep(wait_s)
