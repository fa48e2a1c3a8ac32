"""Whoever refreshes and is answered 503, or nothing, stays signed in, however long that lasts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from httpx2 import AsyncClient, Response

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.limits import REFRESH_REPEAT_S
from instastream.stores.accounts import Accounts, RefreshToken
from instastream.stores.memory import MemoryAccounts
from tests.unit.api.conftest import NOW_MS, Json, problem, serving
from tests.unit.api.test_rates import join, refresh, sign_in

TOO_LATE_MS = NOW_MS + REFRESH_REPEAT_S * 1000 + 1
CALLS = ["refresh_token", "is_spent", "add_refresh_token", "spend"]


@pytest_asyncio.fixture
async def first(deps: Deps) -> Json:
    """What eve is signed in with."""
    async with serving(deps) as http:
        await join(http, "eve")
        pair: Json = (await sign_in(http, "eve")).json()
        return pair


class Failing:
    """A store that goes away at one of its calls, which it made before that or did not."""

    def __init__(self, accounts: Accounts, name: str, *, made: bool) -> None:
        self._accounts, self._name, self._made = accounts, name, made

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._accounts, name)
        return partial(self._fail, method) if name == self._name else method

    async def _fail(self, method: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> None:
        if self._made:
            await method(*args, **kwargs)
        raise Unavailable("cassandra", "timed out")


@pytest.mark.parametrize(
    ("call", "made"),
    [(call, made) for call in CALLS for made in (False, True) if (call, made) != ("spend", True)],
)
async def test_a_refresh_that_was_cut_short_has_used_nothing_up(
    deps: Deps, first: Json, call: str, made: bool
) -> None:
    failing = Failing(deps.accounts, call, made=made)
    async with serving(deps, accounts=failing, now_ms=lambda: NOW_MS) as down:
        assert problem(await refresh(down, first)) == (503, "unavailable")
    async with serving(deps, now_ms=lambda: TOO_LATE_MS) as later:
        second = await refresh(later, first)
        assert second.status_code == 200
        assert (await refresh(later, second.json())).status_code == 200


async def test_a_token_that_was_used_up_as_the_answer_was_lost_is_good_for_a_while(
    deps: Deps, first: Json
) -> None:
    failing = Failing(deps.accounts, "spend", made=True)
    async with serving(deps, accounts=failing, now_ms=lambda: NOW_MS) as down:
        assert problem(await refresh(down, first)) == (503, "unavailable")
    async with serving(deps, now_ms=lambda: TOO_LATE_MS - 1) as soon:
        assert (await refresh(soon, first)).status_code == 200
    async with serving(deps, now_ms=lambda: TOO_LATE_MS) as late:
        assert problem(await refresh(late, first)) == (401, "invalid-token"), "as if stolen"


class Slow(MemoryAccounts):
    """Accounts whose first of the following tokens takes as long as a test likes."""

    def __init__(self, accounts: MemoryAccounts) -> None:
        super().__init__(**vars(accounts))
        self.reached, self.released = asyncio.Event(), asyncio.Event()

    async def add_refresh_token(self, token: RefreshToken) -> None:
        if not self.reached.is_set():
            self.reached.set()
            await self.released.wait()
        await super().add_refresh_token(token)


@pytest.fixture
def slow(deps: Deps, first: Json) -> Slow:
    """Those that eve has signed in with."""
    assert isinstance(deps.accounts, MemoryAccounts)
    return Slow(deps.accounts)


@asynccontextmanager
async def kept_waiting(
    slow: Slow, deps: Deps, first: Json
) -> AsyncIterator[tuple[AsyncClient, Awaitable[Response]]]:
    """A refresh whose store does not answer, until it is too late to repeat it."""
    now_ms = NOW_MS
    async with serving(deps, accounts=slow, now_ms=lambda: now_ms) as http:
        waiting = asyncio.ensure_future(refresh(http, first))
        await slow.reached.wait()
        now_ms = TOO_LATE_MS
        yield http, waiting


async def test_a_slow_refresh_and_the_one_that_repeats_it_give_the_same_token(
    slow: Slow, deps: Deps, first: Json
) -> None:
    async with kept_waiting(slow, deps, first) as (http, waiting):
        repeated = await refresh(http, first)
        slow.released.set()
        both = [repeated, await waiting]
        assert {one.status_code for one in both} == {200}
        assert len({one.json()["refresh_token"] for one in both}) == 1
        assert (await refresh(http, repeated.json())).status_code == 200


async def test_the_time_to_repeat_begins_when_there_is_an_answer_to_lose(
    slow: Slow, deps: Deps, first: Json
) -> None:
    async with kept_waiting(slow, deps, first) as (http, waiting):
        slow.released.set()
        answers = [await waiting, await refresh(http, first)]
        assert [one.status_code for one in answers] == [200, 200]
