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
    assert [await deps.rates.take(user, SLOW) for _ in range(3)] == [0, 0, 0]
    first, second = [await deps.rates.take(user, SLOW) for _ in range(2)]
    assert 3_000 < second <= first <= 3_600, "who is refused waits no longer for it"


async def test_of_many_at_once_no_more_are_let_through(deps: Deps, user: UserId) -> None:
    waits = await asyncio.gather(*(deps.rates.take(user, SLOW) for _ in range(20)))
    assert waits.count(0) == 3


async def test_a_key_has_a_rate_of_its_own(deps: Deps, user: UserId) -> None:
    rate = Rate(at_once=1, every_s=60)
    for key in (f"likes:{user}", f"comments:{user}", f"likes:{new_id()}"):
        assert await deps.rates.take(key, rate) == 0
    assert await deps.rates.take(f"likes:{user}", rate) > 0


async def test_whoever_waits_may_go_on_one_at_a_time(deps: Deps, user: UserId) -> None:
    rate = Rate(at_once=2, every_s=0.2)
    for _ in range(2):
        assert await deps.rates.take(user, rate) == 0
    for _ in range(3):
        while wait_s := await deps.rates.take(user, rate):
            assert wait_s <= rate.every_s
            await asyncio.sleep(wait_s)
