"""Following, asking to follow, blocking, muting and being private, over HTTP."""

import asyncio
from typing import Any

import pytest
from httpx2 import AsyncClient

from instastream import graph
from instastream.deps import Deps
from instastream.events import Record, UserFollowed, UserUnfollowed
from instastream.handlers.graph import record_edge
from instastream.ids import UserId
from instastream.limits import FOLLOWS_MAX
from tests.unit.api.conftest import Json, Person, make_ready, person, problem

NOBODY = "1571234567890123456"
EDGES_OF_64_BITS = ["9223372036854775807", "9223372036854775808", "-9223372036854775808"]


async def do(who: Person, method: str, path: str, status: int = 204, **request: Any) -> None:
    response = await who.ask(method, path, **request)
    assert response.status_code == status, response.text


async def be_private(who: Person, private: bool = True) -> None:
    await do(who, "PATCH", "/v1/me", 200, json={"private": private})


async def profile(viewer: Person, of: Person) -> Json:
    return dict((await viewer.get(f"/v1/users/{of.id}")).json())


async def listed(who: Person, path: str, **query: object) -> list[str]:
    response = await who.get(path, **query)
    assert response.status_code == 200, response.text
    return [user["id"] for user in response.json()["users"]]


async def test_a_profile_counts_followers_and_says_what_one_is_to_them(
    ada: Person, bob: Person
) -> None:
    nothing = {"following": False, "requested": False, "blocked": False, "muted": False}
    assert (await profile(ada, bob))["relation"] == nothing
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow")
    await do(ada, "PUT", f"/v1/users/{bob.id}/mute")
    seen = await profile(ada, bob)
    assert seen["relation"] == nothing | {"following": True, "muted": True}
    assert (seen["follower_count"], seen["following_count"]) == (1, 0)
    own = await profile(bob, bob)
    assert own == (await bob.get("/v1/me")).json()
    assert (own["relation"], own["visible"], own["private"]) == (None, True, False)
    assert (await profile(bob, ada))["following_count"] == 1
    assert (await profile(bob, ada))["relation"] == nothing, "who is muted is not told"


async def test_a_private_account_is_followed_once_it_lets_one(ada: Person, bob: Person) -> None:
    await be_private(bob)
    for _ in range(2):
        asked = await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
        assert (asked.status_code, asked.json()) == (202, {"state": "requested"})
    assert (await profile(ada, bob))["relation"]["requested"]
    assert await listed(bob, "/v1/me/requests") == [ada.id]
    for _ in range(2):
        await do(bob, "PUT", f"/v1/me/followers/{ada.id}")
        seen = await profile(ada, bob)
        assert (seen["relation"]["following"], seen["relation"]["requested"]) == (True, False)
        assert (seen["follower_count"], seen["visible"]) == (1, True)
    assert await listed(bob, "/v1/me/requests") == []
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow", 204)
    assert (await profile(ada, bob))["relation"]["following"]


async def test_who_is_denied_does_not_follow_and_may_ask_again(ada: Person, bob: Person) -> None:
    await be_private(bob)
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow", 202)
    for _ in range(2):
        await do(bob, "DELETE", f"/v1/me/requests/{ada.id}")
        assert not (await profile(ada, bob))["relation"]["requested"]
    late = await bob.ask("PUT", f"/v1/me/followers/{ada.id}")
    assert problem(late) == (404, "request-not-found")
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow", 202)
    assert await listed(bob, "/v1/me/requests") == [ada.id]


async def test_a_request_that_was_taken_back_can_not_be_approved(ada: Person, bob: Person) -> None:
    await be_private(bob)
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow", 202)
    await do(ada, "DELETE", f"/v1/users/{bob.id}/follow")
    assert await listed(bob, "/v1/me/requests") == []
    for user_id in (ada.id, NOBODY):
        late = await bob.ask("PUT", f"/v1/me/followers/{user_id}")
        assert problem(late) == (404, "request-not-found")
        assert user_id in late.json()["detail"]


async def test_a_follower_is_not_denied_but_removed(ada: Person, bob: Person) -> None:
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow")
    denied = await bob.ask("DELETE", f"/v1/me/requests/{ada.id}")
    assert problem(denied) == (404, "request-not-found")
    assert ada.id in denied.json()["detail"]
    for _ in range(2):
        await do(bob, "DELETE", f"/v1/me/followers/{ada.id}")
        assert await listed(bob, f"/v1/users/{bob.id}/followers") == []


async def test_what_is_private_is_for_followers_alone(ada: Person, bob: Person, deps: Deps) -> None:
    post = await make_ready(await bob.post(), deps)
    paths = [f"/v1/users/{bob.id}/{of}" for of in ("posts", "followers", "following")]
    await be_private(bob)
    assert problem(await ada.get(f"/v1/posts/{post['id']}")) == (404, "post-not-found")
    edit = {"caption": "mine now"}
    edited = await ada.ask("PATCH", f"/v1/posts/{post['id']}", json=edit)
    assert problem(edited) == (404, "post-not-found")
    for path in paths:
        assert problem(await ada.get(path)) == (403, "account-private")
        assert (await bob.get(path)).status_code == 200
    assert not (await profile(ada, bob))["visible"]
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow", 202)
    await do(bob, "PUT", f"/v1/me/followers/{ada.id}")
    for path in (f"/v1/posts/{post['id']}", *paths):
        assert (await ada.get(path)).status_code == 200
    await do(ada, "DELETE", f"/v1/users/{bob.id}/follow")
    assert problem(await ada.get(paths[0])) == (403, "account-private")
    await be_private(bob, private=False)
    assert (await ada.get(paths[0])).status_code == 200


async def test_who_followed_before_an_account_was_private_follows_on(
    ada: Person, bob: Person
) -> None:
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow")
    await be_private(bob)
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow", 204)
    assert (await profile(ada, bob))["visible"]


async def test_media_of_a_private_account_is_private_from_its_upload_on(
    bob: Person, deps: Deps
) -> None:
    for private in (False, True, False):
        await be_private(bob, private=private)
        posted = await bob.post()
        [said] = [
            record.event
            async for record in deps.log.read("uploads")
            if getattr(record.event, "post_id", None) == posted["id"]
        ]
        assert getattr(said, "private", None) is private


async def test_a_block_cuts_both_ways(ada: Person, bob: Person, deps: Deps) -> None:
    posts = [await make_ready(await who.post(), deps) for who in (ada, bob)]
    for one, other in ((ada, bob), (bob, ada)):
        await do(one, "PUT", f"/v1/users/{other.id}/follow")
    for who, post in ((ada, posts[1]), (bob, posts[0])):
        assert [one["id"] for one in (await who.get("/v1/feed")).json()["posts"]] == [post["id"]]
    for _ in range(2):
        await do(ada, "PUT", f"/v1/users/{bob.id}/block")
    for who, post in ((ada, posts[1]), (bob, posts[0])):
        assert problem(await who.get(f"/v1/posts/{post['id']}")) == (404, "post-not-found")
        assert (await who.get("/v1/feed")).json()["posts"] == []
    said = [record async for record in deps.log.read("graph")]
    refused = await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    assert problem(refused) == (403, "user-blocked"), "whoever blocks knows"
    assert refused.json()["detail"] == "you block them: unblock them first"
    refused = await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    assert problem(refused) == (404, "user-not-found")
    nobody = await bob.ask("PUT", f"/v1/users/{NOBODY}/follow")
    assert refused.json()["detail"] == nobody.json()["detail"].replace(NOBODY, ada.id)
    assert [record async for record in deps.log.read("graph")] == said
    for path in ("", "/posts", "/followers", "/following"):
        gone = await bob.get(f"/v1/users/{ada.id}{path}")
        assert problem(gone) == (404, "user-not-found")
        if path:
            own = await ada.get(f"/v1/users/{bob.id}{path}")
            assert problem(own) == (403, "user-blocked")
    seen = await profile(ada, bob)
    assert (seen["relation"]["blocked"], seen["relation"]["following"]) == (True, False)
    assert await listed(ada, "/v1/me/blocks") == [bob.id]
    assert await listed(bob, "/v1/me/blocks") == []
    await do(ada, "DELETE", f"/v1/users/{bob.id}/block")
    assert (await bob.get(f"/v1/posts/{posts[0]['id']}")).status_code == 200
    assert (await profile(bob, ada))["follower_count"] == 0, "follows do not come back"


async def test_a_follow_at_the_same_moment_as_a_block_does_not_outlive_it(
    ada: Person, bob: Person, deps: Deps
) -> None:
    for _ in range(20):
        await asyncio.gather(
            bob.ask("PUT", f"/v1/users/{ada.id}/follow"),
            do(ada, "PUT", f"/v1/users/{bob.id}/block"),
        )
        await do(ada, "DELETE", f"/v1/users/{bob.id}/block")
        assert sorted((await deps.graph.relations(bob.id)).following) == []


async def test_a_mute_hides_in_the_feed_and_nowhere_else(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await do(ada, "PUT", f"/v1/users/{bob.id}/follow")
    post = await make_ready(await bob.post(), deps)
    for method, muted in (("PUT", True), ("DELETE", False)):
        for _ in range(2):
            await do(ada, method, f"/v1/users/{bob.id}/mute")
        feed = (await ada.get("/v1/feed")).json()["posts"]
        assert [one["id"] for one in feed] == ([] if muted else [post["id"]])
        page = (await ada.get(f"/v1/users/{bob.id}/posts")).json()["posts"]
        assert [one["id"] for one in page] == [post["id"]]
        assert await listed(ada, "/v1/me/mutes") == ([bob.id] if muted else [])


@pytest.mark.parametrize("name", ["follow", "block", "mute"])
async def test_nobody_does_it_to_themselves_or_to_nobody(ada: Person, name: str) -> None:
    own = await ada.ask("PUT", f"/v1/users/{ada.id}/{name}")
    assert problem(own) == (403, f"{name}-yourself")
    assert own.json()["detail"] == f"you can't {name} yourself"
    for method in ("PUT", "DELETE"):
        response = await ada.ask(method, f"/v1/users/{NOBODY}/{name}")
        assert problem(response) == (404, "user-not-found")
        for wrong in EDGES_OF_64_BITS:
            response = await ada.ask(method, f"/v1/users/{wrong}/{name}")
            assert problem(response) == (400, "invalid-id")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/me/followers/{}"),
        ("DELETE", "/v1/me/followers/{}"),
        ("DELETE", "/v1/me/requests/{}"),
        ("GET", "/v1/users/{}/followers"),
        ("GET", "/v1/users/{}/following"),
    ],
)
async def test_ids_at_the_edges_of_64_bits_are_refused(ada: Person, method: str, path: str) -> None:
    for wrong in (*EDGES_OF_64_BITS, "0", "me", "x"):
        assert problem(await ada.ask(method, path.format(wrong))) == (400, "invalid-id")


async def test_requests_count_towards_the_limit_of_follows(
    ada: Person, bob: Person, http: AsyncClient, deps: Deps
) -> None:
    eve = await person("eve", http, deps)
    await be_private(bob)
    for n in range(FOLLOWS_MAX - 1):
        event = UserFollowed(follower_id=ada.id, followee_id=UserId(str(10**18 + n)), at_ms=0)
        await record_edge(Record(event, 0, n), deps)
    for _ in range(2):
        await do(ada, "PUT", f"/v1/users/{bob.id}/follow", 202)
    over = await ada.ask("PUT", f"/v1/users/{eve.id}/follow")
    assert problem(over) == (409, "too-many-follows")
    await do(ada, "DELETE", f"/v1/users/{bob.id}/follow")
    await do(ada, "PUT", f"/v1/users/{eve.id}/follow")


@pytest.mark.parametrize("what", ["block", "mute"])
async def test_blocks_and_mutes_are_limited(
    ada: Person,
    bob: Person,
    http: AsyncClient,
    deps: Deps,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graph, "WALLS_MAX", 2)
    eve, dan = [await person(name, http, deps) for name in ("eve", "dan")]
    for other in (bob, eve, eve):
        await do(ada, "PUT", f"/v1/users/{other.id}/{what}")
    over = await ada.ask("PUT", f"/v1/users/{dan.id}/{what}")
    assert problem(over) == (409, f"too-many-{what}s")
    assert await listed(ada, f"/v1/me/{what}s") == sorted([bob.id, eve.id])
    await do(ada, "PUT", f"/v1/users/{dan.id}/{'mute' if what == 'block' else 'block'}")
    await do(ada, "DELETE", f"/v1/users/{bob.id}/{what}")
    await do(ada, "PUT", f"/v1/users/{dan.id}/{what}")


async def test_after_a_storm_of_follows_and_unfollows_the_last_in_the_log_is_right(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await asyncio.gather(
        *(ada.ask(method, f"/v1/users/{bob.id}/follow") for method in ("PUT", "DELETE") * 20)
    )
    said = [record.event async for record in deps.log.read("graph")]
    assert len(said) == 40
    follows = not isinstance(said[-1], UserUnfollowed)
    assert await deps.graph.followers(bob.id) == ([ada.id] if follows else [])
    assert (await profile(bob, bob))["follower_count"] == follows


@pytest.mark.parametrize("body", [{}, {"private": 1}, {"private": None}, {"private": "true"}])
async def test_an_account_is_private_or_not(ada: Person, body: Json) -> None:
    response = await ada.ask("PATCH", "/v1/me", json=body)
    assert problem(response) == (422, "invalid-request")
