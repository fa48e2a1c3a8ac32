"""The counts and flags of posts, wherever these are shown."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx2 import AsyncClient

from instastream.deps import Deps, now_ms
from instastream.events import CommentAdded, PostLiked
from instastream.ids import CommentId, LikeId, PostId
from instastream.limits import COUNTS_AGE_MS, FLAGS_AGE_MS
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_counts import MemoryCounts
from tests.unit.api.conftest import Json, Person, make_ready, person, serving
from tests.unit.api.liking import count_all, like, seen
from tests.unit.api.test_feed_pages import Down

NAMES = ("like_count", "comment_count", "liked", "as_of")
LATER_MS = COUNTS_AGE_MS + 1


def numbers(post: Json) -> tuple[Any, ...]:
    return tuple(post[name] for name in NAMES)


async def comment(author: Person, post: Json, deps: Deps, *, at_ms: int) -> None:
    event = CommentAdded(
        comment_id=CommentId(await deps.ids.mint()),
        post_id=PostId(post["id"]),
        author_id=author.id,
        text="words",
        at_ms=at_ms,
    )
    await deps.log.append(event)


async def liked_at(liker: Person, post: Json, deps: Deps, *, at_ms: int) -> None:
    event = PostLiked(
        user_id=liker.id,
        post_id=PostId(post["id"]),
        like_id=LikeId(await deps.ids.mint()),
        at_ms=at_ms,
    )
    await deps.log.append(event)


async def first(person: Person, path: str, **params: object) -> Json:
    """The first post of a page, or the only one."""
    answer = (await person.get(path, **params)).json()
    return dict(answer["posts"][0] if "posts" in answer else answer)


async def test_every_view_of_a_post_shows_the_same_numbers(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    media_id = await ada.upload()
    words = {"media": [{"media_id": media_id}], "caption": "a }, and a {"}
    post = (await ada.ask("POST", "/v1/posts", json=words)).json()
    assert numbers(post) == (0, 0, False, None)
    await make_ready(post, deps)
    for number in range(2):
        await comment(bob, post, deps, at_ms=5_000 + number)
    for liker, at_ms in ((ada, 2_000), (bob, 3_000)):
        await liked_at(liker, post, deps, at_ms=at_ms)
    await count_all(deps)
    as_of = datetime.fromtimestamp(5.001, UTC).isoformat().replace("+00:00", "Z")
    path = f"/v1/posts/{post['id']}"
    async with serving(deps) as http:
        author, reader = Person(http, deps, ada.id), Person(http, deps, bob.id)
        shown = [
            await first(reader, path),
            await first(reader, "/v1/feed"),
            await first(reader, f"/v1/users/{ada.id}/posts", size="thumb"),
            (await author.ask("PATCH", path, json={"caption": ""})).json(),
            (await author.ask("POST", "/v1/posts", json=words)).json(),
        ]
        assert [numbers(one) for one in shown] == [(2, 2, True, as_of)] * len(shown)
        plain = json.loads((await reader.get(path)).content)
        assert list(plain)[-4:] == list(NAMES)


async def test_flags_are_each_viewers_own_and_of_each_post(
    ada: Person, bob: Person, http: AsyncClient, deps: Deps
) -> None:
    eve = await person("eve", http, deps)
    posts = [await make_ready(await ada.post(), deps) for _ in range(4)]
    for liker, post in ((bob, posts[0]), (bob, posts[2]), (eve, posts[2]), (eve, posts[3])):
        await like(liker, post)
    await count_all(deps)
    flags = {"bob": [True, False, True, False], "eve": [False, False, True, True]}
    async with serving(deps) as other:
        for name, one in (("bob", bob), ("eve", eve)):
            for _ in range(2):
                page = await Person(other, deps, one.id).get(f"/v1/users/{ada.id}/posts")
                shown = page.json()["posts"][::-1]
                assert [post["liked"] for post in shown] == flags[name]
                assert [post["like_count"] for post in shown] == [1, 0, 2, 1]


async def test_a_count_is_a_second_old_at_most_and_a_flag_ten(
    ada: Person, bob: Person, deps: Deps
) -> None:
    post = await make_ready(await ada.post(), deps)
    begun_ms, ahead_ms = now_ms(), 0
    async with serving(deps, now_ms=lambda: begun_ms + ahead_ms) as http:
        reader = Person(http, deps, bob.id)
        await liked_at(ada, post, deps, at_ms=1)
        await count_all(deps)
        assert await seen(reader, post) == (1, False)
        await liked_at(bob, post, deps, at_ms=2)  # nothing is noted of it
        await count_all(deps)
        assert await seen(reader, post) == (1, False)
        ahead_ms = LATER_MS
        assert await seen(reader, post) == (2, False)
        ahead_ms = FLAGS_AGE_MS + 1
        assert await seen(reader, post) == (2, True)


async def test_a_tag_changes_with_the_numbers_and_with_nothing_else(
    ada: Person, bob: Person, deps: Deps
) -> None:
    for follower, followee in ((ada, bob), (bob, ada)):
        await follower.ask("PUT", f"/v1/users/{followee.id}/follow")
    posts = [await make_ready(await ada.post(), deps) for _ in range(2)]
    ahead_ms = 0
    async with serving(deps, now_ms=lambda: now_ms() + ahead_ms) as http:
        reader, author = Person(http, deps, bob.id), Person(http, deps, ada.id)
        path = f"/v1/users/{ada.id}/posts"

        async def tag(person: Person) -> str:
            return str((await person.get(path)).headers["etag"])

        tags = [await tag(reader)]
        assert await tag(author) == tags[0]
        await like(reader, posts[0])
        tags.append(await tag(reader))
        assert await tag(author) == tags[0], "it is not counted yet"
        await like(reader, posts[0], "DELETE")
        assert await tag(reader) == tags[0]
        await comment(bob, posts[1], deps, at_ms=7)
        await count_all(deps)
        ahead_ms += LATER_MS
        tags.append(await tag(author))
        assert len(set(tags)) == 3
        for _ in range(3):
            ahead_ms += FLAGS_AGE_MS + 1
            for other in (serving(deps), serving(deps, counts=MemoryCounts())):
                async with other as elsewhere:
                    assert await tag(Person(elsewhere, deps, ada.id)) == tags[-1]
            again = await author.ask("GET", path, headers={"if-none-match": tags[-1]})
            assert again.status_code == 304
        await like(author, posts[1])
        again = await author.ask("GET", path, headers={"if-none-match": tags[-1]})
        assert (again.status_code, again.json()["posts"][0]["liked"]) == (200, True)


@asynccontextmanager
async def without_redis(who: Person, deps: Deps) -> AsyncIterator[Person]:
    """The same, of a process that has none."""
    down: Any = Down()
    async with serving(deps, changes=down, counts=down) as http:
        yield Person(http, deps, who.id)


async def expect_like_everywhere(reader: Person, post: Json, author: Person) -> None:
    for path in (f"/v1/posts/{post['id']}", "/v1/feed", f"/v1/users/{author.id}/posts"):
        assert numbers(await first(reader, path))[:3] == (1, 0, True)


async def test_ones_own_like_is_seen_by_the_next_read_of_another_process(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    post = await make_ready(await ada.post(), deps)
    async with serving(deps) as http:
        reader = Person(http, deps, bob.id)
        await reader.get("/v1/feed")
        await like(bob, post)
        for path in ("/v1/feed", f"/v1/posts/{post['id']}", f"/v1/users/{ada.id}/posts"):
            assert numbers(await first(reader, path))[:3] == (1, 0, True)


async def test_without_redis_numbers_are_read_from_the_counters(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    post = await make_ready(await ada.post(), deps)
    async with without_redis(bob, deps) as reader:
        await liked_at(bob, post, deps, at_ms=1)
        assert await seen(reader, post) == (0, False)
        with pytest.MonkeyPatch.context() as quiet:
            quiet.setattr(deps.counts, "publish", Down().publish)
            with pytest.raises(Exception, match="redis"):
                await count_all(deps)
        await expect_like_everywhere(reader, post, ada)


async def test_without_redis_ones_own_like_is_seen_by_the_next_read(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    post = await make_ready(await ada.post(), deps)
    async with without_redis(bob, deps) as reader:
        await like(reader, post)
        await expect_like_everywhere(reader, post, ada)


def lose_notes(deps: Deps) -> None:
    """Redis no longer knows what was liked lately, nor what changed."""
    assert isinstance(deps.counts, MemoryCounts)
    assert isinstance(deps.changes, MemoryChanges)
    deps.counts.expected.clear()
    deps.changes.flush()


async def test_what_one_liked_is_seen_though_redis_lost_the_note_of_it(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    post = await make_ready(await ada.post(), deps)
    await like(bob, post)
    lose_notes(deps)
    await expect_like_everywhere(bob, post, ada)


async def test_totals_that_redis_lost_are_read_and_kept_there_again(
    ada: Person, bob: Person, deps: Deps
) -> None:
    assert isinstance(deps.counts, MemoryCounts)
    post = await make_ready(await ada.post(), deps)
    await like(bob, post)
    await count_all(deps)
    deps.counts.kept.clear()
    lose_notes(deps)
    assert await seen(bob, post) == (1, True)
    assert {kind for kind, subject in deps.counts.kept if subject == post["id"]} == {
        "likes",
        "comments",
    }


async def test_what_was_known_of_flags_is_forgotten_with_what_redis_lost(
    ada: Person, bob: Person, deps: Deps
) -> None:
    post = await make_ready(await ada.post(), deps)
    await like(ada, post)
    await count_all(deps)
    async with serving(deps) as http:
        reader = Person(http, deps, bob.id)
        assert await seen(reader, post) == (1, False)
        await like(bob, post)
        await count_all(deps)
        lose_notes(deps)
        assert await seen(reader, post) == (2, True)
