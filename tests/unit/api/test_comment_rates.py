"""How often something may be said, over HTTP."""

from functools import partial

from instastream.deps import Deps
from instastream.limits import COMMENTS_RATE
from instastream.stores.memory_rates import MemoryRates
from tests.unit.api.commenting import path_of, put, say
from tests.unit.api.conftest import Json, Person, problem, serving


class Clock:
    """Stands still until it is set."""

    now_ms = 1_795_000_000_000

    def __call__(self) -> int:
        return self.now_ms


async def test_nobody_comments_faster_than_people_write(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    clock = Clock()
    async with serving(deps, rates=MemoryRates(clock)) as http:
        ada.http = bob.http = http
        first = await say(bob, post)
        for _ in range(COMMENTS_RATE.at_once - 1):
            await say(bob, post)
        edit = {"text": "other words"}
        for refused in (
            await put(bob, post, text="words"),
            await bob.ask("PATCH", path_of(post, first), json=edit),
        ):
            assert problem(refused) == (429, "too-many-requests")
            assert refused.headers["retry-after"] == str(COMMENTS_RATE.every_s)
        await say(ada, post)
        clock.now_ms += int(COMMENTS_RATE.every_s * 1000) - 1
        assert problem(await put(bob, post, text="words")) == (429, "too-many-requests")
        clock.now_ms += 1
        await say(bob, post)
        assert problem(await put(bob, post, text="words")) == (429, "too-many-requests")


async def test_the_same_comment_again_is_none_of_those_that_are_taken_at_once(
    bob: Person, post: Json, deps: Deps
) -> None:
    key = {"idempotency-key": "k"}
    async with serving(deps, rates=MemoryRates(Clock())) as http:
        bob.http = http
        ask = partial(bob.ask, "POST", path_of(post), headers=key)
        for _ in range(COMMENTS_RATE.at_once + 1):
            assert (await ask(json={"text": "once"})).status_code == 201
        assert problem(await ask(json={"text": "other"})) == (409, "idempotency-key-reused")
        for _ in range(COMMENTS_RATE.at_once - 1):
            await say(bob, post)
        assert problem(await put(bob, post, text="words")) == (429, "too-many-requests")
        assert (await ask(json={"text": "once"})).status_code == 201
