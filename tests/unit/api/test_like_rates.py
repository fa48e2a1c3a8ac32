"""How fast one may like and take likes back, and that each is seen at once for all that."""

from instastream.deps import Deps
from instastream.limits import LIKES_RATE, UNLIKES_RATE
from instastream.stores.memory_rates import MemoryRates
from tests.unit.api.conftest import NOW_MS, Json, Person, make_ready, problem, serving
from tests.unit.api.liking import like, seen


async def test_nobody_likes_faster_than_thumbs_are(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    at_ms = NOW_MS
    async with serving(deps, rates=MemoryRates(lambda: at_ms)) as http:
        ada.http = bob.http = http
        for number in range(LIKES_RATE.at_once):
            await like(bob, post, ("PUT", "DELETE")[number % 2])
        for method in ("PUT", "DELETE"):
            answer = await bob.ask(method, f"/v1/posts/{post['id']}/like")
            assert problem(answer) == (429, "too-many-requests")
            assert answer.headers["retry-after"] == "1"
        await like(ada, post)
        at_ms += int(LIKES_RATE.every_s * 1000)
        await like(bob, post)


async def test_nobody_takes_likes_back_faster_than_their_tombstones_go(
    bob: Person, post: Json, deps: Deps
) -> None:
    at_ms, statuses = NOW_MS, []
    async with serving(deps, rates=MemoryRates(lambda: at_ms)) as http:
        bob.http = http
        for _ in range(2 * UNLIKES_RATE.at_once):
            answer = await bob.ask("DELETE", f"/v1/posts/{post['id']}/like")
            statuses.append(answer.status_code)
            at_ms += int(LIKES_RATE.every_s * 1000)
        assert statuses[: UNLIKES_RATE.at_once] == [204] * UNLIKES_RATE.at_once
        assert statuses.count(429) > 0.8 * UNLIKES_RATE.at_once
        await like(bob, post)


async def test_whoever_likes_as_many_as_they_may_at_once_sees_each_as_liked(
    ada: Person, bob: Person, deps: Deps
) -> None:
    async with serving(deps, rates=MemoryRates(lambda: NOW_MS)) as http:
        ada.http = bob.http = http
        posts = [await make_ready(await ada.post(), deps) for _ in range(LIKES_RATE.at_once)]
        for post in posts:
            await like(bob, post)
        assert {await seen(bob, post) for post in posts} == {(1, True)}
