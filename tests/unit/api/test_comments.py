"""Reading, changing and deleting what was said, over HTTP: by whom, and what is left to see."""

import re

import pytest

from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.ids import UserId
from instastream.likes import CommentLiked
from instastream.reading import totals
from instastream.stores.memory_comments import MemoryComments
from tests.unit.api.commenting import count, path_of, say, texts
from tests.unit.api.conftest import NOW_MS, Json, Person, make_ready, problem, serving

NOBODY = "1571234567890123456"


@pytest.fixture(autouse=True)
def counts_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a second to pass."""
    monkeypatch.setattr(totals, "COUNTS_AGE_MS", 0)


async def paged(who: Person, path: str, limit: int, **query: object) -> list[str]:
    """Every page of a list, one after another: only the last may be short."""
    response = await who.get(path, limit=limit, **query)
    listed: list[str] = []
    while True:
        page = response.json()
        listed += [comment["text"] for comment in page["comments"]]
        link = re.fullmatch('<(.*)>; rel="next"', response.headers.get("link", ""))
        if link is None:
            assert page["next_cursor"] is None
            return listed
        assert len(page["comments"]) == limit
        assert link[1].endswith(f"&cursor={page['next_cursor']}")
        response = await who.get(link[1])


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
async def test_a_thread_is_read_page_by_page_in_both_orders(
    ada: Person, bob: Person, post: Json, limit: int
) -> None:
    comment = await say(ada, post, "0")
    said = [str(number) for number in range(1, 6)]
    for text in said:
        await say(bob, post, text)
        await say(bob, post, f"to {text}", to=comment)
    path = path_of(post)
    assert await paged(ada, path, limit=limit) == [*said[::-1], "0"]
    assert await paged(ada, path, limit=limit, order="newest") == [*said[::-1], "0"]
    assert await paged(ada, path, limit=limit, order="oldest") == ["0", *said]
    replies = path_of(post, comment, "/replies")
    assert await paged(ada, replies, limit=limit) == [f"to {text}" for text in said]


async def test_a_cursor_is_good_for_its_list_its_order_and_its_reader(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    other = await make_ready(await ada.post(), deps)
    comments = [await say(bob, one) for one in (post, post, other, other)]
    for _ in range(2):
        await say(bob, post, to=comments[0])
        await say(bob, post, to=comments[1])
    lists = [
        (who, path, order)
        for who in (ada, bob)
        for path, order in (
            (path_of(post), {"order": "newest"}),
            (path_of(post), {"order": "oldest"}),
            (path_of(other), {"order": "newest"}),
            (path_of(post, comments[0], "/replies"), {}),
            (path_of(post, comments[1], "/replies"), {}),
        )
    ]
    for own in lists:
        who, path, order = own
        cursor = (await who.get(path, limit=1, **order)).json()["next_cursor"]
        for another in lists:
            who, path, order = another
            answer = await who.get(path, limit=1, cursor=cursor, **order)
            if another == own:
                assert len(answer.json()["comments"]) == 1
            else:
                assert problem(answer) == (400, "invalid-cursor")
    feed = await bob.get("/v1/feed", cursor=cursor)
    assert problem(feed) == (400, "invalid-cursor")


@pytest.mark.parametrize(
    "query", [{"order": "best"}, {"limit": 0}, {"limit": 101}, {"cursor": "x"}, {"size": "feed"}]
)
async def test_a_list_is_asked_for_as_described(
    ada: Person, post: Json, query: dict[str, object]
) -> None:
    assert (await ada.get(path_of(post), **query)).status_code in (400, 422)


async def test_who_blocks_one_another_sees_nothing_of_the_other_and_no_page_is_short(
    ada: Person, bob: Person, eve: Person, post: Json
) -> None:
    said = {}
    for number in range(8):
        for who, name in ((bob, "bob"), (eve, "eve")):
            said[f"{name} {number}"] = await say(who, post, f"{name} {number}")
    replies = [await say(eve, post, f"to bob {n}", to=said["bob 0"]) for n in range(3)]
    await say(ada, post, "to bob", to=said["bob 0"])
    await bob.ask("PUT", f"/v1/users/{eve.id}/block")
    for who, name, other in ((bob, "bob", "eve"), (eve, "eve", "bob")):
        own = [f"{name} {number}" for number in range(8)]
        assert await paged(who, path_of(post), limit=3, order="oldest") == own
        assert await paged(who, path_of(post), limit=3) == own[::-1]
        hidden = said[f"{other} 1"]
        for path in (path_of(post, hidden), path_of(post, hidden, "/replies")):
            assert problem(await who.get(path)) == (404, "comment-not-found")
        for method, path, body in (
            ("POST", path_of(post), {"text": "words", "reply_to": hidden["id"]}),
            ("PATCH", path_of(post, hidden), {"text": "words"}),
            ("DELETE", path_of(post, hidden), None),
        ):
            refused = await who.ask(method, path, json=body)
            assert problem(refused) == (404, "comment-not-found")
    assert await paged(bob, path_of(post, said["bob 0"], "/replies"), limit=1) == ["to bob"]
    assert problem(await bob.get(path_of(post, replies[0]))) == (404, "comment-not-found")
    assert len(await paged(ada, path_of(post), limit=5)) == 16, "others see both"


async def test_only_its_author_changes_a_comment(
    ada: Person, bob: Person, eve: Person, post: Json
) -> None:
    comment = await say(bob, post, "first")
    for who in (ada, eve):
        refused = await who.ask("PATCH", path_of(post, comment), json={"text": "mine"})
        assert problem(refused) == (403, "not-your-comment")
    for text in ("second", "third", "third"):
        edited = await bob.ask("PATCH", path_of(post, comment), json={"text": text})
        assert edited.json()["text"] == text
        assert edited.json()["edited_at"] is not None
        assert (await ada.get(path_of(post, comment))).json() == edited.json()
    assert edited.json()["created_at"] == comment["created_at"]
    unknown = await bob.ask("PATCH", path_of(post, {"id": NOBODY}), json={"text": "x"})
    assert problem(unknown) == (404, "comment-not-found")


@pytest.mark.parametrize("by", ["author", "owner"])
async def test_its_author_and_the_owner_of_the_post_delete_a_comment_for_good(
    ada: Person, bob: Person, eve: Person, post: Json, deps: Deps, by: str
) -> None:
    comment = await say(bob, post)
    refused = await eve.ask("DELETE", path_of(post, comment))
    assert problem(refused) == (403, "not-your-comment")
    who = bob if by == "author" else ada
    for _ in range(2):
        assert (await who.ask("DELETE", path_of(post, comment))).status_code == 204
    said = [type(record.event).__name__ async for record in deps.log.read("comments")]
    assert said == ["CommentAdded", "CommentDeleted"], "again changes nothing"
    assert await texts(ada, path_of(post)) == []
    for method, body in (("GET", None), ("PATCH", {"text": "back"})):
        gone = await bob.ask(method, path_of(post, comment), json=body)
        assert problem(gone) == (404, "comment-not-found")
    assert problem(await eve.ask("DELETE", path_of(post, comment))) == (404, "comment-not-found")


async def test_a_deleted_comment_keeps_the_place_of_its_replies_without_words(
    ada: Person, bob: Person, eve: Person, post: Json, deps: Deps
) -> None:
    comment = await say(bob, post, "a secret of @ada's")
    replies = [await say(ada, post, text, to=comment) for text in ("one", "two")]
    await count(deps)
    await bob.ask("DELETE", path_of(post, comment))
    [place] = (await eve.get(path_of(post))).json()["comments"]
    assert place == (await eve.get(path_of(post, comment))).json()
    assert (place["deleted"], place["text"], place["author"], place["mentions"]) == (
        True,
        None,
        None,
        [],
    )
    assert place["reply_count"] == 2
    assert await texts(eve, path_of(post, comment, "/replies")) == ["one", "two"]
    for reply in replies:
        await ada.ask("DELETE", path_of(post, reply))
    await count(deps)
    assert await texts(eve, path_of(post)) == []
    gone = await eve.get(path_of(post, comment, "/replies"))
    assert problem(gone) == (404, "comment-not-found")


async def test_one_deletes_what_one_said_where_one_sees_the_post_no_longer(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    comment = await say(bob, post)
    await ada.ask("PUT", f"/v1/users/{bob.id}/block")
    assert problem(await bob.get(path_of(post, comment))) == (404, "post-not-found")
    edited = await bob.ask("PATCH", path_of(post, comment), json={"text": "x"})
    assert problem(edited) == (404, "post-not-found")
    assert (await bob.ask("DELETE", path_of(post, comment))).status_code == 204
    said = [type(record.event).__name__ async for record in deps.log.read("comments")]
    assert said == ["CommentAdded", "CommentDeleted"]


async def test_the_owner_of_a_post_deletes_what_someone_said_whom_they_block(
    ada: Person, bob: Person, eve: Person, post: Json
) -> None:
    comment = await say(bob, post, "rude")
    await ada.ask("PUT", f"/v1/users/{bob.id}/block")
    assert await texts(eve, path_of(post)) == ["rude"]
    assert (await ada.ask("DELETE", path_of(post, comment))).status_code == 204
    assert await texts(eve, path_of(post)) == []


async def test_a_comment_is_found_under_its_own_post_only(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    other = await make_ready(await bob.post(), deps)
    comment = await say(bob, post)
    for method, body in (("GET", None), ("PATCH", {"text": "x"}), ("DELETE", None)):
        elsewhere = await bob.ask(method, path_of(other, comment), json=body)
        assert problem(elsewhere) == (404, "comment-not-found")
    assert problem(await bob.get(path_of(post, {"id": "x"}))) == (400, "invalid-id")
    assert (await bob.get(path_of(post, comment))).status_code == 200


async def test_what_is_said_about_what_is_private_is_for_followers_alone(
    ada: Person, bob: Person, eve: Person, post: Json
) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    await ada.ask("PATCH", "/v1/me", json={"private": True})
    comment = await say(bob, post)
    for method, path, body in (
        ("POST", path_of(post), {"text": "x"}),
        ("GET", path_of(post), None),
        ("GET", path_of(post, comment), None),
        ("GET", path_of(post, comment, "/replies"), None),
        ("DELETE", path_of(post, comment), None),
    ):
        assert problem(await eve.ask(method, path, json=body)) == (404, "post-not-found")
    assert await texts(ada, path_of(post)) == ["words"]


async def test_likes_of_a_comment_are_shown(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    comment = await say(bob, post)
    liked = CommentLiked(
        user_id=UserId(ada.id),
        comment_id=comment["id"],
        post_id=post["id"],
        like_id=await deps.ids.mint(),  # type: ignore[arg-type]
        at_ms=NOW_MS,
    )
    await deps.log.append(liked)
    await count(deps)
    for who, own in ((ada, True), (bob, False)):
        read = (await who.get(path_of(post, comment))).json()
        assert (read["like_count"], read["liked"]) == (1, own)


class AbsentComments(MemoryComments):
    """A store that is down."""

    async def record_added(self, event: object) -> None:
        raise Unavailable("cassandra", "no host")


async def test_a_store_that_is_down_is_said_to_be_so(bob: Person, post: Json, deps: Deps) -> None:
    async with serving(deps, comments=AbsentComments()) as http:
        response = await http.post(path_of(post), json={"text": "x"}, headers=bob.headers)
    assert problem(response) == (503, "unavailable")
