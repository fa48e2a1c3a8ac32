"""Nobody turns refresh tokens into the next ones faster than it is said to them."""

from instastream.deps import Deps
from instastream.limits import REFRESHES_RATE
from instastream.stores.memory_rates import MemoryRates
from tests.unit.api.conftest import NOW_MS, problem, serving
from tests.unit.api.test_rates import join, refresh, sign_in


async def test_tokens_are_refreshed_in_a_pace_of_their_sign_in(deps: Deps) -> None:
    async with serving(deps, rates=MemoryRates(lambda: NOW_MS)) as http:
        for name in ("eve", "frank"):
            await join(http, name)
        of_eve, of_frank = [(await sign_in(http, name)).json() for name in ("eve", "frank")]
        again = [await refresh(http, of_eve) for _ in range(REFRESHES_RATE.at_once)]
        assert {one.status_code for one in again} == {200}
        assert len({one.json()["refresh_token"] for one in again}) == 1, "one answer, repeated"
        for pair in (of_eve, again[0].json()):
            refused = await refresh(http, pair)
            assert problem(refused) == (429, "too-many-requests")
            assert refused.headers["retry-after"] == "10"
            assert refused.headers["ratelimit"] == '"refreshes";r=0;t=600'
            assert refused.headers["ratelimit-policy"] == '"refreshes";q=60;w=600'
        for pair in (of_frank, (await sign_in(http)).json()):
            assert (await refresh(http, pair)).status_code == 200


async def test_a_token_that_comes_too_fast_is_not_used_up(deps: Deps) -> None:
    now_ms = NOW_MS
    async with serving(deps, rates=MemoryRates(lambda: now_ms)) as http:
        await join(http, "eve")
        first = (await sign_in(http)).json()
        for _ in range(REFRESHES_RATE.at_once):
            second = (await refresh(http, first)).json()
        assert problem(await refresh(http, second)) == (429, "too-many-requests")
        now_ms += 20_000
        for pair in (first, second):  # were the second used up, the first would count as stolen
            assert (await refresh(http, pair)).status_code == 200
        assert problem(await refresh(http, second)) == (429, "too-many-requests")


async def test_a_token_that_is_nobodys_is_not_counted(deps: Deps) -> None:
    rates = MemoryRates(deps.now_ms)
    async with serving(deps, rates=rates) as http:
        forged = await refresh(http, {"refresh_token": "x" * 43})
        assert problem(forged) == (401, "invalid-token")
        assert "ratelimit" not in forged.headers
        assert rates.full_ms == {}
