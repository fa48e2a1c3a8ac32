"""Liking posts and comments, liking them no longer, and who likes a post."""

from typing import Any

import pytest
from httpx2 import AsyncClient

from instastream.deps import Deps
from instastream.errors import Unavailable, Unready
from instastream.events import CommentAdded, CommentDeleted, UploadFinalized
from instastream.ids import CommentId, PostId, UserId
from instastream.limits import LIKE_SHARDS_PULLED
from instastream.stores.memory import MemoryLog
from tests.unit.api.conftest import (
    NOW_MS,
    DownLog,
    Json,
    Person,
    make_ready,
    person,
    problem,
    serving,
)
from tests.unit.api.liking import count_all, like, seen

NOBODY = "1571234567890123456"


async def comment_on(post: Json, author: Person, deps: Deps) -> str:
    """Something said about a post."""
    comment_id = CommentId(await deps.ids.mint())
    event = CommentAdded(
        comment_id=comment_id,
        post_id=PostId(post["id"]),
        author_id=author.id,
        text="words",
        at_ms=NOW_MS,
    )
    await deps.log.append(event)
    await deps.comments.record_added(event)
    return comment_id


async def test_liking_twice_and_no_longer_liking_twice_is_once(
    bob: Person, post: Json, deps: Deps
) -> None:
    for method, expected in (("PUT", (1, True)), ("DELETE", (0, False)), ("PUT", (1, True))):
        for _ in range(2):
            await like(bob, post, method)
            assert await seen(bob, post) == expected
        await count_all(deps)
        assert await seen(bob, post) == expected


async def test_one_may_like_the_own_post(ada: Person, post: Json) -> None:
    await like(ada, post)
    assert await seen(ada, post) == (1, True)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_what_one_does_not_see_can_not_be_liked(
    ada: Person, bob: Person, deps: Deps, method: str
) -> None:
    unready, gone, blocked = await ada.post(), await ada.post(), await ada.post()
    for one in (gone, blocked):
        await make_ready(one, deps)
    await ada.ask("DELETE", f"/v1/posts/{gone['id']}")
    for post_id in (unready["id"], gone["id"], NOBODY):
        answer = await bob.ask(method, f"/v1/posts/{post_id}/like")
        assert problem(answer) == (404, "post-not-found")
    assert problem(await ada.ask(method, f"/v1/posts/{gone['id']}/like"))[0] == 404
    await ada.ask("PATCH", "/v1/me", json={"private": True})
    assert problem(await bob.ask(method, f"/v1/posts/{blocked['id']}/like"))[0] == 404
    await ada.ask("PATCH", "/v1/me", json={"private": False})
    await ada.ask("PUT", f"/v1/users/{bob.id}/block")
    assert problem(await bob.ask(method, f"/v1/posts/{blocked['id']}/like"))[0] == 404
    assert isinstance(deps.log, MemoryLog)
    assert "engagement" not in deps.log.topics


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_an_own_post_that_is_not_ready_can_not_be_liked_yet(
    ada: Person, deps: Deps, method: str
) -> None:
    post = await ada.post()
    comment_id = await comment_on(post, ada, deps)
    for path in ("like", f"comments/{comment_id}/like"):
        answer = await ada.ask(method, f"/v1/posts/{post['id']}/{path}")
        assert problem(answer) == (409, "post-not-ready")


@pytest.mark.parametrize("path", ["posts/x/like", "posts/x/likes", "posts/x/comments/x/like"])
async def test_ids_that_are_not_ids_are_refused(ada: Person, post: Json, path: str) -> None:
    method = "GET" if path.endswith("s") else "PUT"
    for bad in (path, path.replace("x", post["id"], 1)):
        if "x" in bad:
            assert problem(await ada.ask(method, f"/v1/{bad}")) == (400, "invalid-id")


async def test_comments_are_liked_as_posts_are(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    path = f"/v1/posts/{post['id']}/comments/{await comment_on(post, ada, deps)}"
    for method, expected in (("PUT", (1, True)), ("DELETE", (0, False))):
        answer = await bob.ask(method, f"{path}/like")
        assert (answer.status_code, answer.content) == (204, b"")
        for _ in range(2):
            comment = (await bob.get(path)).json()
            assert (comment["like_count"], comment["liked"]) == expected
            await count_all(deps)
    assert await seen(bob, post) == (0, False), "the post is another thing"


async def test_a_comment_must_be_there_to_be_liked(
    ada: Person, bob: Person, post: Json, deps: Deps, http: AsyncClient
) -> None:
    eve = await person("eve", http, deps)
    other = await make_ready(await ada.post(), deps)
    elsewhere, gone = await comment_on(other, ada, deps), await comment_on(post, ada, deps)
    await deps.comments.record_deleted(
        CommentDeleted(
            comment_id=CommentId(gone), post_id=PostId(post["id"]), deleted_by=ada.id, at_ms=NOW_MS
        )
    )
    walls = [await comment_on(post, eve, deps), await comment_on(post, bob, deps)]
    await bob.ask("PUT", f"/v1/users/{eve.id}/block")
    for who, comment_id in (
        (bob, NOBODY),
        (bob, elsewhere),
        (bob, gone),
        (bob, walls[0]),
        (eve, walls[1]),
    ):
        for method in ("PUT", "DELETE"):
            answer = await who.ask(method, f"/v1/posts/{post['id']}/comments/{comment_id}/like")
            assert problem(answer) == (404, "comment-not-found")


@pytest.mark.parametrize("error", [Unavailable("cassandra", "refused"), Unready("say so first")])
async def test_a_like_that_nothing_could_be_noted_of_is_refused_before_it_is_said(
    bob: Person, post: Json, deps: Deps, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fails(*_: object) -> Any:
        raise error

    with monkeypatch.context() as away:
        away.setattr(deps.epochs, "of", fails, raising=False)
        answer = await bob.ask("PUT", f"/v1/posts/{post['id']}/like")
    assert problem(answer) == (503, "unavailable")
    await count_all(deps)
    assert await seen(bob, post) == (0, False)


async def test_a_like_stands_though_redis_takes_no_note_of_it(
    bob: Person, post: Json, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> Any:
        raise Unavailable("redis", "refused")

    with monkeypatch.context() as away:
        away.setattr(deps.counts, "expect", fails)
        for method, shown in (("PUT", (1, True)), ("DELETE", (0, False)), ("PUT", (1, True))):
            await like(bob, post, method)
            assert await seen(bob, post) == shown
    assert await seen(bob, post) == (1, True)
    async with serving(deps) as http:
        assert await seen(Person(http, deps, bob.id), post) == (0, False), "not counted yet"
    await count_all(deps)
    async with serving(deps) as http:
        assert await seen(Person(http, deps, bob.id), post) == (1, True)


async def test_what_the_log_does_not_take_is_not_liked(bob: Person, post: Json, deps: Deps) -> None:
    async with serving(deps, log=DownLog(keeps=False)) as http:
        answer = await Person(http, deps, bob.id).ask("PUT", f"/v1/posts/{post['id']}/like")
        assert problem(answer) == (503, "unavailable")
    assert await seen(bob, post) == (0, False)


async def test_how_likes_are_counted_is_decided_as_the_post_is_made(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def followers_count(user_id: UserId) -> int:
        return deps.settings.pull_from if user_id == ada.id else 0

    monkeypatch.setattr(deps.graph, "followers_count", followers_count)
    assert isinstance(deps.log, MemoryLog)
    for author, shards in ((ada, LIKE_SHARDS_PULLED), (bob, 1)):
        post = await make_ready(await author.post(), deps)
        events = [one for some in deps.log.topics["uploads"].values() for one in some]
        stamped = {one.post_id: one for one in events if isinstance(one, UploadFinalized)}
        assert stamped[post["id"]].like_shards == shards
        for count, liker in enumerate((ada, bob), start=1):
            async with serving(deps) as http:  # another process: what it shows is of now
                liker = Person(http, deps, liker.id)
                await like(liker, post)
                for _ in range(2):
                    assert await seen(liker, post) == (count, True)
                    await count_all(deps)


async def fans(
    post: Json, http: AsyncClient, deps: Deps, count: int, since: int = 0
) -> list[Person]:
    """Some who like a post, the last first."""
    people = [await person(f"fan{since + n}", http, deps) for n in range(count)]
    for one in people:
        await like(one, post)
    await count_all(deps)
    return people[::-1]


async def likers(reader: Person, post: Json, limit: int) -> list[str]:
    """Everyone in the list, whose pages are all full but the last."""
    path, read = f"/v1/posts/{post['id']}/likes", list[str]()
    cursor: dict[str, object] = {}
    while True:
        page = (await reader.get(path, limit=limit, **cursor)).json()
        read += [user["id"] for user in page["users"]]
        if page["next_cursor"] is None:
            return read
        assert len(page["users"]) == limit
        cursor = {"cursor": page["next_cursor"]}


async def test_who_likes_a_post_newest_first(
    bob: Person, post: Json, http: AsyncClient, deps: Deps
) -> None:
    people = await fans(post, http, deps, 5)
    await like(people[1], post, "DELETE")
    await like(people[4], post, "DELETE")
    await like(people[4], post)
    await count_all(deps)
    expected = [people[n].id for n in (4, 0, 2, 3)]
    for limit in (1, 2, 3, 4, 100):
        assert await likers(bob, post, limit) == expected


async def test_who_blocks_the_viewer_is_not_in_the_list_and_pages_stay_full(
    bob: Person, post: Json, http: AsyncClient, deps: Deps
) -> None:
    people = await fans(post, http, deps, 9)
    for number in (0, 3, 4, 5, 8):
        await people[number].ask("PUT", f"/v1/users/{bob.id}/block")
    expected = [people[n].id for n in (1, 2, 6, 7)]
    for limit in (1, 2, 3, 4, 5):
        assert await likers(bob, post, limit) == expected


async def test_a_list_of_likers_is_for_who_sees_the_post_and_its_cursors_for_who_got_them(
    ada: Person, bob: Person, post: Json, http: AsyncClient, deps: Deps
) -> None:
    other = await make_ready(await ada.post(), deps)
    await fans(post, http, deps, 2)
    path = f"/v1/posts/{post['id']}/likes"
    page = await bob.get(path, limit=1)
    cursor = page.json()["next_cursor"]
    assert page.headers["link"] == f'<{path}?limit=1&cursor={cursor}>; rel="next"'
    assert (await bob.get(path, cursor=cursor)).status_code == 200
    for reader, place in ((ada, path), (bob, f"/v1/posts/{other['id']}/likes")):
        assert problem(await reader.get(place, cursor=cursor)) == (400, "invalid-cursor")
    await ada.ask("PUT", f"/v1/users/{bob.id}/block")
    assert problem(await bob.get(path)) == (404, "post-not-found")
    assert problem(await bob.get(f"/v1/posts/{NOBODY}/likes")) == (404, "post-not-found")
