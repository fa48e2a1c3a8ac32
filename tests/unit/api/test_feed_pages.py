"""Feeds and timelines over HTTP: their tags, what has changed, and what happens without Redis."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from instastream.api import hot
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.ids import PostId, UserId
from instastream.limits import FEED_LENGTH
from instastream.reading.known import Known
from instastream.stores.changes import Place
from instastream.stores.feeds import Head
from instastream.stores.memory_changes import MemoryChanges
from tests.conftest import measured
from tests.unit.api.conftest import Person, make_ready, problem, serving

listless = partial(measured, "feed_reads_without_list_total")  # from timelines alone


async def ids(person: Person, path: str = "/v1/feed", **params: object) -> list[str]:
    answer = await person.get(path, **params)
    assert answer.status_code == 200
    return [post["id"] for post in answer.json()["posts"]]


async def posted(author: Person, deps: Deps, *, count: int) -> list[str]:
    """Ids of new posts that are ready, newest first."""
    return [(await make_ready(await author.post(), deps))["id"] for _ in range(count)][::-1]


@pytest.fixture(params=["feed", "timeline"])
def path(request: pytest.FixtureRequest, bob: Person) -> str:
    return "/v1/feed" if request.param == "feed" else f"/v1/users/{bob.id}/posts"


async def test_a_page_that_is_the_same_is_not_sent_again(
    ada: Person, bob: Person, deps: Deps, path: str
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    post = await make_ready(await bob.post(caption="before"), deps)
    page = await ada.get(path)
    tag = page.headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await ada.ask("GET", path, headers={"if-none-match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert (await ada.ask("GET", path, headers={"if-none-match": '"other"'})).status_code == 200
    await bob.ask("PATCH", f"/v1/posts/{post['id']}", json={"caption": "after"})
    changed = await ada.ask("GET", path, headers={"if-none-match": tag})
    assert changed.json()["posts"][0]["caption"] == "after"
    assert changed.headers["etag"] != tag


async def test_a_tag_is_worth_nothing_while_an_account_is_private_and_the_same_again_after(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await make_ready(await bob.post(caption="public"), deps)
    path = f"/v1/users/{bob.id}/posts"
    seen = await ada.get(path)
    tag = {"if-none-match": seen.headers["etag"]}
    for changed in (False, True):
        await bob.ask("PATCH", "/v1/me", json={"private": True})
        for sent in (tag, {"if-none-match": "*"}, {}):
            refused = await ada.ask("GET", path, headers=sent)
            assert problem(refused) == (403, "account-private")
            assert "etag" not in refused.headers
        if changed:
            await make_ready(await bob.post(caption="private"), deps)
        await bob.ask("PATCH", "/v1/me", json={"private": False})
        again = await ada.ask("GET", path, headers=tag)
        if changed:
            assert [post["caption"] for post in again.json()["posts"]] == ["private", "public"]
        else:
            assert (again.status_code, again.content) == (304, b"")
            assert (await ada.get(path)).content == seen.content


async def test_tags_may_come_in_several_headers(ada: Person, path: str) -> None:
    tag = (await ada.get(path)).headers["etag"]
    for tags in ([tag, '"other"'], ['"other"', tag]):
        headers = [*ada.headers.items(), *(("if-none-match", one) for one in tags)]
        assert (await ada.http.get(path, headers=headers)).status_code == 304


async def test_a_query_of_any_length_is_read_the_same(ada: Person, path: str) -> None:
    answers = [await ada.get(path, cursor="A" * length) for length in (24, 10_000)]
    assert {problem(answer) for answer in answers} == {(400, "invalid-cursor")}


async def test_long_queries_are_not_kept(ada: Person) -> None:
    before = hot._query.cache_info().currsize
    await ada.get("/v1/feed", cursor="A" * hot.QUERY_BYTES_MAX)
    assert hot._query.cache_info().currsize == before


async def test_a_page_with_more_after_it_has_another_tag(ada: Person, deps: Deps) -> None:
    path = f"/v1/users/{ada.id}/posts"
    first = await make_ready(await ada.post(), deps)
    alone = await ada.get(path, limit=1)
    second = await make_ready(await ada.post(), deps)
    await ada.ask("DELETE", f"/v1/posts/{first['id']}")
    assert await ids(ada, path) == [second["id"]]
    older = await ada.get(path, limit=1)
    assert older.headers["etag"] != alone.headers["etag"]


async def test_every_change_is_seen_by_the_next_read(ada: Person, bob: Person, deps: Deps) -> None:
    follow, block, mute = (f"/v1/users/{bob.id}/{what}" for what in ("follow", "block", "mute"))
    post = await make_ready(await bob.post(), deps)
    assert await ids(ada) == []
    for method, what, seen in (
        ("PUT", follow, True),
        ("PUT", mute, False),
        ("DELETE", mute, True),
        ("DELETE", follow, False),
        ("PUT", follow, True),
        ("PUT", block, False),
    ):
        assert (await ada.ask(method, what)).status_code == 204
        assert await ids(ada) == [post["id"]] * seen, (method, what)
    await ada.ask("DELETE", block)
    await ada.ask("PUT", follow)
    assert await ids(ada) == [post["id"]]
    await bob.ask("DELETE", f"/v1/posts/{post['id']}")
    assert await ids(ada) == []


async def test_a_stream_of_changes_that_is_lost_hides_nothing(
    ada: Person, bob: Person, deps: Deps
) -> None:
    assert isinstance(deps.changes, MemoryChanges)
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    for lose in (deps.changes.flush, lambda: deps.changes.trim(0)):
        post = await make_ready(await bob.post(), deps)
        await deps.feeds.push(post["id"], [ada.id])
        assert await ids(ada) == [post["id"]]
        await bob.ask("DELETE", f"/v1/posts/{post['id']}")
        lose()
        assert await ids(ada) == []


class Down:
    """Redis, away."""

    def __getattr__(self, name: str) -> Any:
        async def fails(*args: object, **named: object) -> Any:
            raise Unavailable("redis", "connection refused")

        return fails


async def test_without_redis_feeds_are_read_from_the_stores(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    posts = await posted(bob, deps, count=3)
    down: Any = Down()
    before = listless(why="redis")
    async with serving(deps, feeds=down, changes=down) as http:
        reader = Person(http, deps, ada.id)
        assert await ids(reader) == posts
        assert listless(why="redis") - before == 1
        for path in ("/v1/feed", f"/v1/users/{bob.id}/posts"):
            assert await ids(reader, path) == posts
        page = await reader.get("/v1/feed", limit=2)
        assert [post["id"] for post in page.json()["posts"]] == posts[:2]
        assert await ids(reader, limit=2, cursor=page.json()["next_cursor"]) == posts[2:]
        author = Person(http, deps, bob.id)
        deleted = await author.ask("DELETE", f"/v1/posts/{posts[0]}")
        assert problem(deleted) == (503, "unavailable"), "what others keep in memory is not told"
        assert await ids(reader) == posts[1:]


async def test_a_feed_is_whole_while_another_makes_its_list(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    await deps.feeds.open(ada.id, "another's")
    assert await ids(ada) == []
    posts = await posted(bob, deps, count=3)
    before = listless(why="rebuilding")
    assert await ids(ada) == posts
    assert listless(why="rebuilding") - before == 1
    page = await ada.get("/v1/feed", limit=2)
    assert await ids(ada, cursor=page.json()["next_cursor"]) == posts[2:]


async def test_a_feed_goes_on_past_its_list(ada: Person, bob: Person, deps: Deps) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    posts = await posted(bob, deps, count=7)
    await deps.feeds.open(ada.id, ada.id)
    await deps.feeds.fill(ada.id, ada.id, [PostId(post_id) for post_id in posts[:3]])
    for limit in (1, 2, 3, 4, 7, 100):
        read: list[str] = []
        cursor: dict[str, object] = {}
        while True:
            page = (await ada.get("/v1/feed", limit=limit, **cursor)).json()
            read += [post["id"] for post in page["posts"]]
            if page["next_cursor"] is None:
                break
            assert len(page["posts"]) == limit
            cursor = {"cursor": page["next_cursor"]}
        assert read == posts


async def test_a_page_is_one_look_at_the_list_and_nothing_more(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    posts = await posted(bob, deps, count=4)
    assert await ids(ada) == posts
    looked: list[Head] = []
    since = deps.changes.since

    async def noted(place: Place | None, heads: Sequence[Head], viewers: Sequence[UserId]) -> Any:
        looked.extend(heads)
        return await since(place, heads, viewers)

    monkeypatch.setattr(deps.changes, "since", noted)
    monkeypatch.setattr(Known, "timelines", None)
    page = (await ada.get("/v1/feed", limit=2)).json()
    assert [post["id"] for post in page["posts"]] == posts[:2]
    assert await ids(ada, limit=2, cursor=page["next_cursor"]) == posts[2:]
    assert await ids(ada, limit=5) == posts
    assert looked == [(ada.id, 3), (ada.id, FEED_LENGTH), (ada.id, 6)]


async def test_a_page_goes_on_in_the_list_past_what_is_hidden_and_asks_nobody_else(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    posts = await posted(bob, deps, count=3)
    assert await ids(ada) == posts
    for deleted in posts[:2]:
        await bob.ask("DELETE", f"/v1/posts/{deleted}")
    monkeypatch.setattr(Known, "timelines", None)
    assert await ids(ada, limit=1) == posts[2:]


async def test_a_page_is_whole_though_the_list_is_lost_while_it_is_read(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    posts = [(await make_ready(await bob.post(), deps))["id"] for _ in range(5)]
    assert await ids(ada) == posts[::-1]
    for deleted in posts[3:]:
        await bob.ask("DELETE", f"/v1/posts/{deleted}")
    read = deps.feeds.read

    async def read_once(reader: UserId) -> list[PostId] | None:
        listed = await read(reader)
        await deps.feeds.open(reader, "another", anew=True)
        return listed

    monkeypatch.setattr(deps.feeds, "read", read_once)
    page = (await ada.get("/v1/feed", limit=2)).json()
    assert [post["id"] for post in page["posts"]] == [posts[2], posts[1]]
    assert page["next_cursor"]


async def test_a_feed_that_was_whole_is_so_when_its_list_has_become_shorter(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    posts = await posted(bob, deps, count=3)
    for gone in ((), posts[2:], posts[:2]):  # the oldest, then all
        await deps.feeds.remove(ada.id, [PostId(one) for one in gone])
        assert await ids(ada) == posts
        assert await ids(ada) == posts


async def test_a_grid_is_made_of_thumbs(ada: Person, deps: Deps) -> None:
    await make_ready(await ada.post(), deps)
    [post] = (await ada.get(f"/v1/users/{ada.id}/posts", size="thumb")).json()["posts"]
    assert post["media"][0]["image"]["width"] == 150


async def test_of_two_tokens_the_first_counts_wherever_they_are_sent(ada: Person) -> None:
    sent = [("authorization", ""), ("authorization", ada.headers["authorization"])]
    for path in ("/v1/feed", "/v1/me/requests"):
        answer = await ada.http.get(path, headers=sent)
        assert problem(answer) == (401, "missing-token"), path


async def test_head_and_oddly_spelled_requests_are_answered_too(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    await make_ready(await bob.post(), deps)
    plain = await ada.get("/v1/feed")
    head = await ada.ask("HEAD", "/v1/feed")
    assert head.headers["etag"] == plain.headers["etag"]
    token = ada.headers["authorization"].removeprefix("Bearer ")
    odd = await ada.http.get("/v1/feed", headers={"authorization": f"bearer  {token}"})
    assert odd.content == plain.content
