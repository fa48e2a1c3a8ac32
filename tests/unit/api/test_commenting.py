"""Saying something about a post, over HTTP: what is accepted, and by whom."""

import asyncio
import dataclasses

import pytest
from httpx2 import AsyncClient

from instastream.counting import Shard
from instastream.deps import Deps
from instastream.ids import UserId
from instastream.limits import (
    COMMENT_BUCKET_LENGTH,
    COMMENT_LENGTH_MAX,
    MARKS_MAX,
    MENTIONS_MAX,
)
from instastream.reading import totals
from instastream.stores.accounts import Credentials
from instastream.stores.counters import Place
from instastream.stores.memory_counters import MemoryCounters
from tests.unit.api.commenting import count, path_of, put, say, texts
from tests.unit.api.conftest import DownLog, Json, Person, make_ready, person, problem, serving

ACUTE = "\u0301"
NOBODY = "1571234567890123456"


@pytest.fixture(autouse=True)
def counts_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a second to pass."""
    monkeypatch.setattr(totals, "COUNTS_AGE_MS", 0)


async def test_whoever_comments_reads_it_at_once_and_so_does_everyone(
    ada: Person, bob: Person, post: Json
) -> None:
    response = await put(bob, post, text="What a field!")
    assert response.status_code == 201
    said = response.json()
    assert response.headers["location"] == path_of(post, said)
    assert (said["text"], said["post_id"], said["reply_to"]) == ("What a field!", post["id"], None)
    assert said["author"] == {"id": bob.id, "username": "bob", "private": False}
    assert (said["edited_at"], said["deleted"], said["mentions"]) == (None, False, [])
    assert (said["reply_count"], said["like_count"], said["liked"]) == (0, 0, False)
    assert said["as_of"] is None
    for who in (ada, bob):
        assert (await who.get(path_of(post, said))).json() == said
        assert (await who.get(path_of(post))).json() == {"comments": [said], "next_cursor": None}


async def test_replies_are_counted_and_listed_under_what_they_reply_to(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    comment = await say(bob, post, "first")
    replies = [await say(ada, post, text, to=comment) for text in ("one", "two")]
    assert [reply["reply_to"] for reply in replies] == [comment["id"]] * 2
    await count(deps)
    read = (await bob.get(path_of(post, comment))).json()
    assert read["reply_count"] == 2
    assert read["as_of"] is not None
    assert await texts(bob, path_of(post)) == ["first"]
    assert await texts(bob, path_of(post, comment, "/replies")) == ["one", "two"]
    assert await texts(bob, path_of(post, replies[0], "/replies")) == []


async def test_a_reply_is_not_replied_to_and_what_it_replies_to_is_named(
    bob: Person, post: Json
) -> None:
    comment = await say(bob, post)
    reply = await say(bob, post, to=comment)
    deeper = await put(bob, post, text="deeper", reply_to=reply["id"])
    assert problem(deeper) == (422, "reply-too-deep")
    assert comment["id"] in deeper.json()["detail"]


async def test_only_a_comment_of_the_same_post_that_is_there_is_replied_to(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    other = await make_ready(await ada.post(), deps)
    elsewhere, gone = await say(bob, other), await say(bob, post)
    await bob.ask("DELETE", path_of(post, gone))
    for comment_id in (elsewhere["id"], gone["id"], NOBODY):
        refused = await put(bob, post, text="words", reply_to=comment_id)
        assert problem(refused) == (404, "comment-not-found")
    malformed = await put(bob, post, text="words", reply_to="x")
    assert problem(malformed) == (422, "invalid-request")


async def test_only_a_post_that_is_there_and_ready_is_commented(
    ada: Person, bob: Person, deps: Deps
) -> None:
    processing = await ada.post()
    assert problem(await put(ada, processing, text="words")) == (409, "post-not-ready")
    assert await texts(ada, path_of(processing)) == []
    assert problem(await put(bob, processing, text="words")) == (404, "post-not-found")
    assert problem(await put(bob, {"id": NOBODY}, text="words")) == (404, "post-not-found")
    assert problem(await put(bob, {"id": "x"}, text="words")) == (400, "invalid-id")
    post = await make_ready(processing, deps)
    said = await say(bob, post)
    await ada.ask("DELETE", f"/v1/posts/{post['id']}")
    for path in (path_of(post), path_of(post, said), path_of(post, said, "/replies")):
        assert problem(await bob.get(path)) == (404, "post-not-found")
    assert problem(await put(bob, post, text="words")) == (404, "post-not-found")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "length >= 1"),
        ("x" * (COMMENT_LENGTH_MAX + 1), f"length <= {COMMENT_LENGTH_MAX}"),
        ("a\x00b", "without control characters"),
        ("a\x1bb", "without control characters"),
        ("  \n", "something that can be seen"),
        ("\u200b\u3164", "something that can be seen"),
        ("e" + (MARKS_MAX + 1) * ACUTE, f"at most {MARKS_MAX} combining marks"),
        ("e" + (COMMENT_LENGTH_MAX - 1) * ACUTE, f"at most {MARKS_MAX} combining marks"),
        ("e" + 10_000 * ACUTE, f"length <= {COMMENT_LENGTH_MAX}"),
    ],
)
async def test_a_text_that_can_not_be_read_is_refused_and_nothing_is_said(
    bob: Person, post: Json, deps: Deps, text: str, fault: str
) -> None:
    comment = await say(bob, post, "words")
    before = [record async for record in deps.log.read("comments")]
    for answer in (
        await put(bob, post, text=text),
        await bob.ask("PATCH", path_of(post, comment), json={"text": text}),
    ):
        assert problem(answer) == (422, "invalid-request")
        assert fault in answer.json()["detail"]
    assert [record async for record in deps.log.read("comments")] == before


@pytest.mark.parametrize("text", ["🌻", "x" * COMMENT_LENGTH_MAX, "e" + MARKS_MAX * ACUTE])
async def test_a_text_within_the_limits_comes_back_as_it_is(
    bob: Person, post: Json, text: str
) -> None:
    assert (await say(bob, post, text))["text"] == text


async def test_half_a_character_is_no_text(bob: Person, post: Json) -> None:
    headers = {"content-type": "application/json"}
    for raw in (b'{"text": "\\ud83c"}', b'{"text": "\\udf3b\\ud83c"}'):
        response = await bob.ask("POST", path_of(post), content=raw, headers=headers)
        assert problem(response) == (400, "malformed-json")


@pytest.mark.parametrize("body", [{}, {"text": None}, {"text": 1}, {"text": "x", "likes": 1}])
async def test_a_comment_has_a_text_and_nothing_else(bob: Person, post: Json, body: Json) -> None:
    assert problem(await put(bob, post, **body)) == (422, "invalid-request")


async def test_who_joined_is_mentioned_unless_they_block_the_author(
    ada: Person, bob: Person, post: Json, http: AsyncClient, deps: Deps
) -> None:
    eve = await person("eve", http, deps)
    for who, username in ((ada, "ada"), (bob, "bob"), (eve, "eve")):
        await deps.accounts.claim(Credentials(username, who.id, "hash"))
    await deps.accounts.claim(Credentials("halfway", UserId(NOBODY), "hash"))
    await eve.ask("PUT", f"/v1/users/{bob.id}/block")
    text = "@eve @bob, @ada! @nobody @halfway @ada"
    said = await say(bob, post, text)
    both = [{"id": bob.id, "username": "bob"}, {"id": ada.id, "username": "ada"}]
    assert said["mentions"] == both
    edited = await bob.ask("PATCH", path_of(post, said), json={"text": "only @ada"})
    assert edited.json()["mentions"] == both[1:]
    assert (await say(ada, post, "@eve"))["mentions"] == [{"id": eve.id, "username": "eve"}]


async def test_so_many_are_mentioned_and_no_more(bob: Person, post: Json) -> None:
    text = " ".join(f"@user{number}" for number in range(MENTIONS_MAX))
    said = await say(bob, post, text)
    assert problem(await put(bob, post, text=f"{text} @onemore")) == (422, "too-many-mentions")
    more = {"text": f"{text} @onemore"}
    edited = await bob.ask("PATCH", path_of(post, said), json=more)
    assert problem(edited) == (422, "too-many-mentions")


@pytest.mark.parametrize(("size", "bucket"), [(0, 0), (4_999, 0), (5_000, 1), (5_001, 1)])
async def test_a_comment_stands_in_the_bucket_that_all_before_it_left_open(
    bob: Person, post: Json, deps: Deps, size: int, bucket: int
) -> None:
    assert COMMENT_BUCKET_LENGTH == 5_000
    assert isinstance(deps.comment_ids, MemoryCounters)
    deps.comment_ids.counted[Place(post["id"])] = Shard(count=1, size=size, version=1, at_ms=1)
    said = await say(bob, post)
    reply = await say(bob, post, to=said)
    stand = await deps.comments.get([said["id"], reply["id"]])
    assert [stand[one["id"]].bucket for one in (said, reply)] == [bucket, 0]


async def test_the_same_key_is_the_same_comment_and_with_other_words_refused(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    key, body = {"idempotency-key": "k"}, {"text": "once"}
    answers = await asyncio.gather(
        *(bob.ask("POST", path_of(post), json=body, headers=key) for _ in range(5))
    )
    answers.append(await bob.ask("POST", path_of(post), json=body, headers=key))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    await count(deps)
    assert await texts(bob, path_of(post)) == ["once"]
    comment = answers[0].json()
    other_post = await make_ready(await ada.post(), deps)
    for path, other in (
        (path_of(post), {"text": "twice"}),
        (path_of(post), {"text": "once", "reply_to": comment["id"]}),
        (path_of(other_post), body),
    ):
        reused = await bob.ask("POST", path, json=other, headers=key)
        assert problem(reused) == (409, "idempotency-key-reused")
    assert (await ada.ask("POST", path_of(post), json=body, headers=key)).status_code == 201
    await say(ada, post, to=comment)
    await count(deps)
    await bob.ask("DELETE", path_of(post, comment))
    again = await bob.ask("POST", path_of(post), json=body, headers=key)
    assert problem(again) == (404, "comment-not-found"), "it does not come back"


@pytest.mark.parametrize("gone", ["whom it replies to", "the post"])
async def test_a_repeated_comment_is_answered_whatever_became_of_what_it_is_about(
    ada: Person, bob: Person, post: Json, deps: Deps, gone: str
) -> None:
    parent = await say(ada, post)
    key, body = {"idempotency-key": "k"}, {"text": "once", "reply_to": parent["id"]}
    said = await bob.ask("POST", path_of(post), json=body, headers=key)
    path = path_of(post, parent) if gone == "whom it replies to" else f"/v1/posts/{post['id']}"
    assert (await ada.ask("DELETE", path)).status_code == 204
    again = await bob.ask("POST", path_of(post), json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (201, said.json()["id"])


@pytest.mark.parametrize("keeps", [False, True])
async def test_a_comment_that_was_cut_short_is_completed_by_the_same_key(
    bob: Person, post: Json, deps: Deps, keeps: bool
) -> None:
    key, body = {"idempotency-key": "k"}, {"text": "once"}
    down = DownLog(keeps)
    async with serving(deps, log=down) as http:
        response = await http.post(path_of(post), json=body, headers=bob.headers | key)
    assert problem(response) == (503, "unavailable")
    assert await texts(bob, path_of(post)) == []
    said = await bob.ask("POST", path_of(post), json=body, headers=key)
    assert said.status_code == 201
    await count(dataclasses.replace(deps, log=down))
    await count(deps)
    read = (await bob.get(path_of(post))).json()["comments"]
    assert [comment["id"] for comment in read] == [said.json()["id"]]
