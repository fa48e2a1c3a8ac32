"""Reading posts, timelines and feeds, page by page, and following whom to read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from httpx2 import AsyncClient, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instastream.api.cursors import cursor_after
from instastream.deps import Deps
from instastream.events import Record, UserBlocked, UserFollowed, UserUnblocked
from instastream.handlers.graph import record_edge, record_wall
from instastream.ids import PostId, UserId, minted_ms
from instastream.limits import (
    FOLLOWS_MAX,
    PAGE_LENGTH_DEFAULT,
    PAGE_LENGTH_MAX,
    QUERY_PARAMETERS_MAX,
)
from instastream.media import VARIANTS, object_key
from tests.unit.api.conftest import FOLDER, Person, make_ready, person, problem

NOBODY = "1571234567890123456"
NOT_IDS = [
    "0",
    "1",
    "x",
    "1" * 18,
    "1" * 20,
    "9" * 19,
    "-" + "1" * 18,
    NOBODY + "%0A",
    "%00",
    "\uff11",
]
SIZES = [spec.name for spec in VARIANTS]


async def test_a_ready_post_has_every_rendering_and_shows_the_one_asked_for(
    ada: Person, bob: Person, deps: Deps
) -> None:
    post = await make_ready(await ada.post(caption="words"), deps)
    for size in SIZES:
        seen = (await bob.get(f"/v1/posts/{post['id']}", size=size)).json()
        [media] = seen["media"]
        assert sorted(media["images"]) == sorted(SIZES)
        assert media["image"] == media["images"][size]
        key = object_key(FOLDER, size)
        assert media["image"]["url"] == f"{deps.settings.media_url}/{key}"
    plain = (await bob.get(f"/v1/posts/{post['id']}")).json()
    [media] = plain["media"]
    assert media["image"] == media["images"]["feed"]
    assert media["image"]["width"] == 1080
    assert media["image"]["bytes"] == 1_000
    at = datetime.fromtimestamp(minted_ms(post["id"]) / 1000, UTC)
    assert datetime.fromisoformat(plain["created_at"]) == at


async def test_a_post_that_is_not_ready_is_its_authors_alone(ada: Person, bob: Person) -> None:
    post = await ada.post()
    path = f"/v1/posts/{post['id']}"
    assert (await ada.get(path)).status_code == 200
    assert problem(await bob.get(path)) == (404, "post-not-found")
    assert problem(await bob.get(f"/v1/posts/{NOBODY}")) == (404, "post-not-found")


async def test_nobody_reads_without_a_token(http: AsyncClient, ada: Person) -> None:
    post = await ada.post()
    for path in (
        f"/v1/posts/{post['id']}",
        f"/v1/users/{ada.id}",
        f"/v1/users/{ada.id}/posts",
        "/v1/feed",
    ):
        assert problem(await http.get(path)) == (401, "missing-token")


@pytest.mark.parametrize("wrong", NOT_IDS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/posts/{}"),
        ("GET", "/v1/users/{}"),
        ("GET", "/v1/users/{}/posts"),
        ("PUT", "/v1/users/{}/follow"),
        ("DELETE", "/v1/users/{}/follow"),
    ],
)
async def test_ids_that_are_not_ids_are_refused(
    ada: Person, method: str, path: str, wrong: str
) -> None:
    assert problem(await ada.ask(method, path.format(wrong))) == (400, "invalid-id")


async def test_users_that_are_not_there_are_not_found(ada: Person) -> None:
    for method, path in (("GET", ""), ("GET", "/posts"), ("PUT", "/follow")):
        response = await ada.ask(method, f"/v1/users/{NOBODY}{path}")
        assert problem(response) == (404, "user-not-found")
        assert NOBODY in response.json()["detail"]


async def test_following_twice_and_unfollowing_twice_is_once(
    ada: Person, bob: Person, deps: Deps
) -> None:
    for method, followees in (("PUT", [bob.id]), ("DELETE", [])):
        for _ in range(2):
            response = await ada.ask(method, f"/v1/users/{bob.id}/follow")
            assert (response.status_code, response.content) == (204, b"")
            assert sorted((await deps.graph.relations(ada.id)).following) == followees


async def test_nobody_follows_themselves(ada: Person) -> None:
    response = await ada.ask("PUT", f"/v1/users/{ada.id}/follow")
    assert problem(response) == (403, "follow-yourself")


@pytest.mark.parametrize(("already", "status"), [(FOLLOWS_MAX - 1, 204), (FOLLOWS_MAX, 409)])
async def test_follows_are_limited(
    ada: Person, bob: Person, deps: Deps, already: int, status: int
) -> None:
    for n in range(already):
        followee = UserId(str(10**18 + n))
        event = UserFollowed(follower_id=ada.id, followee_id=followee, at_ms=0)
        await record_edge(Record(event, 0, n), deps)
    response = await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    assert response.status_code == status
    assert status == 204 or problem(response) == (409, "too-many-follows")


async def test_a_feed_shows_what_those_whom_one_follows_posted(
    ada: Person, bob: Person, http: AsyncClient, deps: Deps
) -> None:
    eve = await person("eve", http, deps)
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    seen = await make_ready(await bob.post(), deps)
    await bob.post()  # not ready
    await make_ready(await eve.post(), deps)
    feed = (await ada.get("/v1/feed")).json()
    assert [post["id"] for post in feed["posts"]] == [seen["id"]]
    assert feed["next_cursor"] is None


@pytest.mark.parametrize(
    ("limit", "status"),
    [
        ("0", 422),
        ("1", 200),
        (str(PAGE_LENGTH_MAX), 200),
        (str(PAGE_LENGTH_MAX + 1), 422),
        ("-1", 422),
        ("9" * 400, 422),
        ("x", 422),
        ("", 422),
        ("1 ", 422),
        ("1.5", 422),
    ],
)
async def test_pages_have_a_limit(ada: Person, limit: str, status: int) -> None:
    for path in ("/v1/feed", f"/v1/users/{ada.id}/posts"):
        response = await ada.get(path, limit=limit)
        assert response.status_code == status
        if status == 422:
            assert problem(response) == (422, "invalid-request")
            assert response.json()["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("size=huge", "size"),
        ("size=", "size"),
        ("size=feed%0A", "size"),
        ("sise=thumb", "sise"),
        ("size=thumb&size=feed", "size"),
        ("%00=1", "\0"),
    ],
)
async def test_a_query_is_as_described(ada: Person, query: str, parameter: str) -> None:
    response = await ada.get(f"/v1/feed?{query}")
    assert problem(response) == (422, "invalid-request")
    assert response.json()["errors"][0]["parameter"] == parameter


@pytest.mark.parametrize(
    ("count", "parameter"),
    [
        (QUERY_PARAMETERS_MAX - 1, "sise0"),
        (QUERY_PARAMETERS_MAX, "sise0"),
        (QUERY_PARAMETERS_MAX + 1, None),
    ],
)
async def test_a_query_with_too_many_parameters_is_refused_as_a_whole(
    ada: Person, count: int, parameter: str | None
) -> None:
    query = "&".join(f"sise{number}=thumb" for number in range(count))
    response = await ada.get(f"/v1/feed?{query}")
    assert problem(response) == (422, "invalid-request")
    assert response.json()["errors"][0].get("parameter") == parameter


@given(
    ready=st.lists(st.booleans(), max_size=12),
    limit=st.integers(1, 13),
    timeline=st.booleans(),
)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_the_pages_of_a_list_are_the_whole_list(
    ada: Person, http: AsyncClient, deps: Deps, ready: list[bool], limit: int, timeline: bool
) -> None:
    author = await person("author", http, deps)
    reader = await person("reader", http, deps)
    await reader.ask("PUT", f"/v1/users/{author.id}/follow")
    posts = [await author.post() for _ in ready]
    shown = [
        (await make_ready(post, deps))["id"]
        for post, is_ready in zip(posts, ready, strict=True)
        if is_ready
    ]
    path = f"/v1/users/{author.id}/posts?limit={limit}" if timeline else f"/v1/feed?limit={limit}"
    pages = [page async for page in _pages(reader, path)]
    read = [[post["id"] for post in page.json()["posts"]] for page in pages]
    assert [post_id for page in read for post_id in page] == shown[::-1]
    assert all(len(page) == limit for page in read[:-1])


async def _pages(reader: Person, path: str) -> AsyncIterator[Response]:
    """Every page, found by its Link."""
    page = await reader.get(path)
    yield page
    while "link" in page.headers:
        assert page.links["next"]["url"].count(page.json()["next_cursor"]) == 1
        page = await reader.ask("GET", page.links["next"]["url"])
        yield page
    assert page.json()["next_cursor"] is None


async def test_the_next_page_is_like_this_one(ada: Person, deps: Deps) -> None:
    for _ in range(3):
        await make_ready(await ada.post(), deps)
    page = await ada.get(f"/v1/users/{ada.id}/posts", limit=1, size="thumb")
    following = (await ada.ask("GET", page.links["next"]["url"])).json()
    [post] = following["posts"]
    [media] = post["media"]
    assert media["image"] == media["images"]["thumb"]


async def test_without_a_limit_a_page_has_the_default_length(ada: Person, deps: Deps) -> None:
    for _ in range(PAGE_LENGTH_DEFAULT + 1):
        await ada.post()
    page = (await ada.get(f"/v1/users/{ada.id}/posts")).json()
    assert len(page["posts"]) == PAGE_LENGTH_DEFAULT
    assert page["next_cursor"]


async def test_a_cursor_from_a_made_up_future_starts_at_the_newest(ada: Person, deps: Deps) -> None:
    post = await ada.post()
    cursor = cursor_after(
        PostId("8" + "9" * 18), of=f"posts/{ada.id}/{ada.id}", key=deps.settings.token_key
    )
    page = (await ada.get(f"/v1/users/{ada.id}/posts", cursor=cursor)).json()
    assert [one["id"] for one in page["posts"]] == [post["id"]]


async def test_a_block_and_its_end_are_seen_by_the_next_read_wherever_they_were_said(
    ada: Person, bob: Person, deps: Deps
) -> None:
    post = f"/v1/posts/{(await make_ready(await ada.post(), deps))['id']}"
    assert (await bob.get(post)).status_code == 200
    for kind, status in ((UserBlocked, 404), (UserUnblocked, 200)):
        said = kind(blocker_id=ada.id, blocked_id=bob.id, at_ms=deps.now_ms())
        await record_wall(await deps.log.append(said), deps)
        assert (await bob.get(post)).status_code == status
