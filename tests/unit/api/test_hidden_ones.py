"""Lists with thousands of entries that their reader may not see are few reads, over HTTP."""

from typing import Any

import pytest

from instastream import walking
from instastream.comments import CommentAdded
from instastream.deps import Deps
from instastream.events import PostLiked, Record, UploadFinalized, UserFollowed
from instastream.handlers.engagement import count_likes
from instastream.handlers.graph import record_edge
from instastream.ids import CommentId, LikeId, MediaId, PostId, UserId
from tests.unit.api.commenting import path_of, say
from tests.unit.api.conftest import NOBODYS, NOW_MS, Json, Person, make_ready

HIDDEN = 2_000
READS_MAX = 9  # 31, 62, 124, 248, 496 and then 500 at once


class Counted:
    """A method of a store; it notes how often it is called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: object, name: str) -> None:
        self.calls = 0
        self._method = getattr(store, name)
        monkeypatch.setattr(store, name, self)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return await self._method(*args, **kwargs)


async def minted(deps: Deps, count: int = HIDDEN) -> list[str]:
    return [await deps.ids.mint() for _ in range(count)]


async def post_unready(who: Person, deps: Deps, *, count: int) -> None:
    for post_id in await minted(deps, count):
        finalized = UploadFinalized(
            media_id=MediaId(NOBODYS),
            post_id=PostId(post_id),
            author_id=who.id,
            content_type="image/jpeg",
            size_bytes=1,
            caption="",
            alt_text="",
            at_ms=NOW_MS,
        )
        await deps.posts.record_finalized(finalized)


@pytest.mark.parametrize("thread", ["newest", "oldest", "replies"])
async def test_a_thread_with_thousands_of_hidden_comments_is_few_reads(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch, thread: str
) -> None:
    post = await make_ready(await ada.post(), deps)
    parent = await say(ada, post) if thread == "replies" else None
    path = path_of(post, parent, "/replies") if parent else f"{path_of(post)}?order={thread}"
    first = await say(ada, post, "first", to=parent)
    for comment_id in await minted(deps):
        event = CommentAdded(
            comment_id=CommentId(comment_id),
            post_id=PostId(post["id"]),
            reply_to=CommentId(parent["id"]) if parent else None,
            author_id=bob.id,
            text="rude",
            at_ms=NOW_MS,
        )
        await deps.comments.record_added(event)
    last = await say(ada, post, "last", to=parent)
    await bob.ask("PUT", f"/v1/users/{ada.id}/block")
    reads = Counted(monkeypatch, deps.comments, "thread")
    page = (await ada.get(path)).json()
    ids = [comment["id"] for comment in page["comments"]]
    in_order = [first["id"], last["id"]]
    assert ids == (in_order[::-1] if thread == "newest" else in_order)
    assert page["next_cursor"] is None
    assert reads.calls <= READS_MAX


async def test_thousands_of_hidden_likers_are_few_reads(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = await make_ready(await ada.post(), deps)
    nobodies = await minted(deps)
    for offset, user_id in enumerate([bob.id, *nobodies, ada.id]):
        liked = PostLiked(
            user_id=UserId(user_id),
            post_id=PostId(post["id"]),
            like_id=LikeId(await deps.ids.mint()),
            at_ms=NOW_MS,
        )
        await count_likes([Record(liked, 0, offset)], deps)
    reads = Counted(monkeypatch, deps.likes, "newest")
    page = (await ada.get(f"/v1/posts/{post['id']}/likes")).json()
    assert [user["id"] for user in page["users"]] == [ada.id, bob.id]
    assert page["next_cursor"] is None
    assert reads.calls <= READS_MAX


async def test_thousands_of_hidden_followers_are_few_reads(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    for offset, user_id in enumerate([*await minted(deps), bob.id]):
        follows = UserFollowed(follower_id=UserId(user_id), followee_id=ada.id, at_ms=NOW_MS)
        await record_edge(Record(follows, 0, offset), deps)
    reads = Counted(monkeypatch, deps.graph, "followers_page")
    page = (await ada.get(f"/v1/users/{ada.id}/followers")).json()
    assert ([user["id"] for user in page["users"]], page["next_cursor"]) == ([bob.id], None)
    assert reads.calls <= READS_MAX


async def test_thousands_of_posts_that_nobody_else_sees_are_few_reads(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await make_ready(await bob.post(), deps)
    await post_unready(bob, deps, count=HIDDEN)
    last = await make_ready(await bob.post(), deps)
    reads = Counted(monkeypatch, deps.posts, "timeline")
    page = (await ada.get(f"/v1/users/{bob.id}/posts")).json()
    assert [post["id"] for post in page["posts"]] == [last["id"], first["id"]]
    assert page["next_cursor"] is None
    assert reads.calls <= READS_MAX + 1, "the latest are known"


async def test_where_a_page_stops_among_hidden_posts_the_next_one_goes_on(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "WALK_STEPS_MAX", 2)
    first = await make_ready(await bob.post(), deps)
    await post_unready(bob, deps, count=20)
    last = await make_ready(await bob.post(), deps)
    pages: list[Json] = []
    path: str | None = f"/v1/users/{bob.id}/posts?limit=2"
    while path:
        answer = await ada.get(path)
        pages.append(answer.json())
        assert bool(pages[-1]["next_cursor"]) == ("next" in answer.links)
        path = answer.links["next"]["url"] if "next" in answer.links else None
    shown = [[post["id"] for post in page["posts"]] for page in pages]
    assert shown == [[last["id"]], [], [first["id"]]]


async def test_an_empty_page_that_goes_on_from_elsewhere_has_another_tag(
    ada: Person, bob: Person, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post_unready(bob, deps, count=20)
    pages = []
    for steps_max in (2, 3):
        monkeypatch.setattr(walking, "WALK_STEPS_MAX", steps_max)
        pages.append(await ada.get(f"/v1/users/{bob.id}/posts", limit=1))
    assert [page.json()["posts"] for page in pages] == [[], []]
    assert pages[0].json()["next_cursor"] != pages[1].json()["next_cursor"]
    assert pages[0].headers["etag"] != pages[1].headers["etag"]
