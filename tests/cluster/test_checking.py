"""What load did is checked against the running system, and what is tampered with is found."""

import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from instastream.client import Client, Json, Refused
from instastream.deps import Deps, open_deps
from instastream.ids import PostId, UserId
from instastream.load.checks import checking, inspecting, objects
from instastream.load.checks.checking import check
from instastream.load.checks.histories import Entry, Kind, Seen
from instastream.load.checks.objects import keys_of
from instastream.load.checks.violations import Violation
from instastream.steps import ignore
from tests.cluster.conftest import System, eventually, photo

PASSWORD = "a long password"


@dataclass
class Diary:
    """Does things through the API, and writes them down as load does."""

    system: System
    entries: list[Entry] = field(default_factory=list)
    ops: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def note(self, phase: Any, **fields: Any) -> None:
        """A line of the history."""
        self.entries.append(Entry(phase=phase, at_ms=time.time_ns() / 1e6, **fields))

    async def do(
        self, kind: Kind, work: Callable[[], Awaitable[Json]], user: Client | None, **asked: Any
    ) -> Json:
        """One operation, and how it ended."""
        op = next(self.ops)
        asked |= {"user": user.user_id} if user else {}
        self.note("invoked", op=op, kind=kind, **asked)
        try:
            answered = await work()
        except Refused as error:
            self.note("failed", op=op, kind=kind, status=error.status)
            return {}
        self.note("ok", op=op, kind=kind, **answered)
        return answered

    async def join(self, name: str) -> Client:
        """A new user."""
        name = f"{name}_{token_hex(4)}"
        user = Client(self.system.http)

        async def work() -> Json:
            joined = await Client.joined(self.system.http, name, PASSWORD)
            user.user_id, user.headers = joined.user_id, joined.headers
            return {"user": user.user_id}

        await self.do("join", work, None, name=name, password=PASSWORD)
        return user

    async def call(self, kind: Kind, user: Client, method: str, path: str, **asked: Any) -> None:
        """An operation that answers nothing."""

        async def work() -> Json:
            body = {"private": True} if kind == "private" else None
            await user.call(method, path, json=body)
            return {}

        await self.do(kind, work, user, **asked)

    async def post(self, user: Client, content: bytes, *, poison: bool = False) -> str:
        """Upload and finalize."""

        async def work() -> Json:
            uploaded = await user.upload(content, "image/jpeg")
            return {"post": (await user.finalize(uploaded.media_id, caption=""))["id"]}

        return str((await self.do("post", work, user, poison=poison))["post"])

    async def comment(self, user: Client, post_id: str) -> None:
        """Say something."""

        async def work() -> Json:
            return {"comment": (await user.comment(post_id, "So many colours."))["id"]}

        await self.do("comment", work, user, post=post_id, text="So many colours.")

    async def read(self, user: Client, kind: Kind, path: str, **asked: Any) -> None:
        """A page."""

        async def work() -> Json:
            page = await user.call("GET", path, params={"limit": "30"})
            return {"seen": list(map(seen, page["posts"])), "next": page["next_cursor"]}

        await self.do(kind, work, user, limit=30, **asked)


def seen(post: Json) -> Seen:
    """A post as a history tells it."""
    counts = post["like_count"], post["comment_count"]
    return Seen(post["id"], post["author_id"], *counts, post["liked"], None)


@dataclass
class Told:
    """A history, and some of what is in it."""

    history: list[Entry]
    ada: Client
    bob: Client
    first: str
    second: str


@pytest_asyncio.fixture(scope="module")
async def told(system: System) -> Told:
    """Ada posts, and bob follows, likes and comments; cid's account is private."""
    diary = Diary(system)
    diary.note("header", version=1, scenario="by hand", seed=1, api="", run="r")
    ada, bob, cid = [await diary.join(name) for name in ("ada", "bob", "cid")]
    before = await diary.post(ada, photo())
    await diary.call("follow", bob, "PUT", f"/v1/users/{ada.user_id}/follow", other=ada.user_id)
    first, gone = await diary.post(ada, photo()), await diary.post(ada, photo())
    await diary.post(ada, b"this is a text, whatever its name says", poison=True)
    await diary.call("private", cid, "PATCH", "/v1/me", private=True)
    await diary.post(cid, photo())
    await diary.call("follow", bob, "PUT", f"/v1/users/{cid.user_id}/follow", other=cid.user_id)
    posts = f"/v1/posts/{first}"
    assert not await inspecting.wait_for_rest(system.settings, ignore)
    await diary.call("like", bob, "PUT", f"{posts}/like", post=first)
    await diary.call("like", ada, "PUT", f"{posts}/like", post=first)
    await diary.call("unlike", ada, "DELETE", f"{posts}/like", post=first)
    await diary.comment(bob, first)
    await diary.read(bob, "read_feed", "/v1/feed")
    await diary.call("delete_post", ada, "DELETE", f"/v1/posts/{gone}", post=gone)
    await diary.read(bob, "read_feed", "/v1/feed")
    timeline = f"/v1/users/{ada.user_id}/posts"
    await diary.read(ada, "read_timeline", timeline, other=ada.user_id)
    return Told(diary.entries, ada, bob, before, first)


@pytest_asyncio.fixture
async def deps(system: System) -> AsyncIterator[Deps]:
    async with open_deps(system.settings) as deps:
        yield deps


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was late here is wrong sooner."""
    monkeypatch.setattr(checking, "STILL_S", 3.0)
    monkeypatch.setattr(inspecting, "LAG_STILL_S", 5.0)


async def checked(told: Told, system: System) -> dict[str, Violation]:
    """The first violation of each rule."""
    found = await check(
        told.history,
        api=system.environ["INSTASTREAM_API"],
        settings=system.settings,
        report=ignore,
    )
    return {one.rule: one for one in reversed(found)}


async def test_a_system_that_keeps_its_promises_is_not_accused(system: System, told: Told) -> None:
    assert await checked(told, system) == {}


async def test_it_is_checked_from_afar_too(system: System, told: Told) -> None:
    api = system.environ["INSTASTREAM_API"]
    assert await check(told.history, api=api, settings=None, report=ignore) == []


async def test_a_post_that_was_lost_on_its_way_to_a_feed_is_found(
    system: System, told: Told, deps: Deps
) -> None:
    reader, post_id = UserId(told.bob.user_id), PostId(told.second)
    await deps.feeds.remove(reader, [post_id])
    found = await checked(told, system)
    await deps.feeds.insert(reader, [post_id])
    assert found.keys() == {"not-in-feed"}
    evidence = found["not-in-feed"].evidence
    assert (evidence["reader"], evidence["post"]) == (reader, post_id)
    assert evidence["log"].kind == "not-fanned-out"
    assert evidence["log"].event.topic == "media"
    assert evidence["log"].event.offset >= 0


async def test_a_like_that_was_counted_twice_is_found(
    system: System, told: Told, deps: Deps
) -> None:
    total = (await deps.likes.totals({told.second: 1}))[told.second]
    await deps.counts.publish("likes", [replace(total, count=total.count + 1)])
    found = await checked(told, system)
    await deps.counts.publish("likes", [total])
    assert found.keys() == {"like-count"}
    evidence = found["like-count"].evidence
    assert (evidence["least"], evidence["most"], evidence["seen"].like_count) == (1, 1, 2)
    assert evidence["log"]["likes"] == 1
    assert evidence["log"]["last"]["topic"] == "engagement"


async def test_media_that_are_gone_are_found(system: System, told: Told, deps: Deps) -> None:
    [post] = (await deps.posts.get([PostId(told.first)])).values()
    key = keys_of(post)[0]
    content = await deps.blobs.get(key)
    await deps.blobs.delete([key])
    found = await checked(told, system)
    await deps.blobs.put(key, content, content_type="image/webp")
    assert found["lost-media"].evidence["keys"] == [key]


async def test_an_object_that_no_post_needs_is_found_once_it_is_past_grace(
    system: System, told: Told, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"media/{token_hex(16)}/3-0/thumb.webp"
    await deps.blobs.put(key, b"nobody's", content_type="image/webp")
    assert "orphan" not in await checked(told, system)
    monkeypatch.setattr(objects, "RECLAIMED_WITHIN_MS", 0)

    async def found() -> bool:
        orphan = (await checked(told, system)).get("orphan")
        return orphan is not None and bool(orphan.evidence["key"] == key)

    await eventually(found, "the object found")
    await deps.blobs.delete([key])


async def test_a_worker_that_stands_still_is_found(system: System, told: Told) -> None:
    system.kill("engagement")
    await told.bob.like(told.first)
    found = await checked(told, system)
    await told.bob.call("DELETE", f"/v1/posts/{told.first}/like")
    await system.start("engagement")
    lag = found["lag"].evidence
    assert lag["group"] == f"{system.settings.prefix}engagement"
    assert lag["topic"] == f"{system.settings.prefix}engagement"
    assert lag["committed"] < lag["end"]


async def test_a_dead_letter_is_found(system: System, told: Told, deps: Deps) -> None:
    headers = [("dead_topic", b"media"), ("dead_partition", b"3"), ("dead_offset", b"14")]
    await deps.log.append_raw("dead", key=b"a key", value=b"by a test", headers=headers)
    letter = (await checked(told, system))["dead-letter"].evidence["letter"]
    assert (letter.of_topic, letter.of_partition, letter.of_offset) == ("media", 3, 14)
    assert letter.topic == "dead"
