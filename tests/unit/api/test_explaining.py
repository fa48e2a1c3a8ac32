"""Why a post is in one's own feed, over HTTP."""

import pytest
from httpx2 import AsyncClient

from instastream.deps import Deps
from instastream.events import UserMuted
from instastream.handlers.feeds import fan_out
from instastream.handlers.graph import record_wall
from instastream.ids import PostId, UserId
from instastream.limits import EXPLAINED_RECORDS_MAX
from instastream.stores.memory import MemoryLog
from tests.unit.api.conftest import Json, Person, problem, ready_event

NO_POST = "1571234567890123456"


async def ready(author: Person, deps: Deps) -> Json:
    """A post that is ready and was fanned out."""
    post = await author.post()
    event = ready_event(post)
    await fan_out(await deps.log.append(event), deps)
    return post


async def why(person: Person, post_id: str) -> Json:
    response = await person.get(f"/v1/feed/explain/{post_id}")
    assert response.status_code == 200
    return dict(response.json())


async def test_a_post_in_the_own_feed_is_explained(ada: Person, bob: Person, deps: Deps) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    await bob.get("/v1/feed")
    post = await ready(ada, deps)
    assert await why(bob, post["id"]) | {"event": None, "why": ""} == {
        "kind": "pushed",
        "in_feed": True,
        "why": "",
        "event": None,
    }
    await deps.feeds.remove(bob.id, [PostId(post["id"])])
    assert (await why(bob, post["id"]))["kind"] == "older"
    await ada.ask("DELETE", f"/v1/posts/{post['id']}")
    gone = await why(bob, post["id"])
    assert (gone["kind"], gone["in_feed"]) == ("deleted", False)
    assert gone["event"]["type"] == "post.deleted.v1"
    assert gone["event"]["topic"] == "posts"


async def test_who_is_blocked_hears_what_is_said_of_no_post(
    ada: Person, bob: Person, deps: Deps
) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    post = await ready(ada, deps)
    nothing = await why(bob, NO_POST)
    assert (nothing["kind"], nothing["event"]) == ("not-visible", None)
    await ada.ask("PUT", f"/v1/users/{bob.id}/block")
    assert await why(bob, post["id"]) == nothing
    assert (await why(ada, post["id"]))["kind"] == "own"
    await ada.ask("DELETE", f"/v1/posts/{post['id']}")
    assert await why(bob, post["id"]) == nothing
    unready = await ada.post()
    await ada.ask("DELETE", f"/v1/users/{bob.id}/block")
    assert await why(bob, unready["id"]) == nothing


async def test_a_block_that_was_taken_back_leaves_no_trace(
    ada: Person, bob: Person, deps: Deps
) -> None:
    post = await ready(ada, deps)
    before = await why(bob, post["id"])
    assert before["kind"] == "not-following"
    await ada.ask("PUT", f"/v1/users/{bob.id}/block")
    await ada.ask("DELETE", f"/v1/users/{bob.id}/block")
    assert await why(bob, post["id"]) == before


async def test_what_is_no_post_id_is_refused(ada: Person, http: AsyncClient) -> None:
    for wrong in ("7", "x", "9" * 19):
        assert problem(await ada.get(f"/v1/feed/explain/{wrong}")) == (400, "invalid-id")
    assert problem(await http.get(f"/v1/feed/explain/{NO_POST}")) == (401, "missing-token")
    assert (await why(ada, "8" * 19))["kind"] == "not-visible"


@pytest.mark.parametrize(
    ("later", "is_known"),
    [(EXPLAINED_RECORDS_MAX - 1, True), (EXPLAINED_RECORDS_MAX, False)],
)
async def test_what_is_long_ago_in_the_log_is_decided_without_its_event(
    ada: Person, bob: Person, deps: Deps, later: int, is_known: bool
) -> None:
    await bob.ask("PUT", f"/v1/users/{ada.id}/follow")
    post = await ready(ada, deps)
    mute = UserMuted(muter_id=bob.id, muted_id=ada.id, at_ms=deps.now_ms())
    record = await deps.log.append(mute)
    await record_wall(record, deps)
    assert isinstance(deps.log, MemoryLog)
    other = UserMuted(muter_id=bob.id, muted_id=UserId(NO_POST), at_ms=deps.now_ms())
    deps.log.topics["graph"][record.partition].extend([other] * later)
    told = await why(bob, post["id"])
    assert (told["kind"], told["event"] is not None) == ("muted", is_known)
