"""The feed as a stream: each post once, as it lands, to whoever may see it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx2 import AsyncClient
from starlette.applications import Starlette

from instastream.api.app import create_app
from instastream.deps import Deps
from instastream.events import Record
from instastream.handlers.feeds import fan_out
from instastream.limits import STREAM_QUEUE_LENGTH, STREAMS_PER_USER_MAX
from instastream.stores.memory_changes import MemoryChanges
from tests.unit.api.conftest import Person, problem, ready_event


class Listening:
    """A client of the stream, spoken to in ASGI: what it received, and whether it has ended."""

    def __init__(self, app: Starlette, person: Person, last: str | None = None) -> None:
        headers = {**person.headers} | ({"last-event-id": last} if last else {})
        self._gone = asyncio.Event()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.text = ""
        self.takes = True
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": "/v1/feed/stream",
            "raw_path": b"/v1/feed/stream",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.headers = message.get("headers", self.headers)
        self.text += message.get("body", b"").decode()
        while not self.takes:
            await asyncio.sleep(0.01)

    def go(self) -> None:
        self._gone.set()

    @property
    def events(self) -> list[tuple[str, str]]:
        """Entries and post ids."""
        found = re.findall(r"id: (.*)\nevent: post\ndata: (.*)\n\n", self.text)
        return [(entry, json.loads(told)["id"]) for entry, told in found]

    async def heard(self, count: int) -> list[str]:
        """The ids of posts, once there are so many."""
        async with asyncio.timeout(5):
            while len(self.events) < count:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        return [post_id for _, post_id in self.events]


@pytest.fixture
async def app(deps: Deps) -> AsyncIterator[Starlette]:
    app = create_app(deps)
    yield app
    await app.state.streams.close()


@asynccontextmanager
async def listening(
    app: Starlette, person: Person, last: str | None = None
) -> AsyncIterator[Listening]:
    client = Listening(app, person, last)
    async with asyncio.timeout(5):
        while not client.text:
            await asyncio.sleep(0.01)
    yield client
    client.go()
    await asyncio.wait([client.task], timeout=5)


async def land(author: Person, deps: Deps) -> str:
    post = await author.post()
    await fan_out(Record(ready_event(post), 0, 0), deps)
    return str(post["id"])


async def test_followers_hear_of_a_post_as_it_lands_and_nobody_else(
    app: Starlette, ada: Person, bob: Person, deps: Deps
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    async with listening(app, ada) as hers, listening(app, bob) as his:
        assert hers.status == 200
        posts = [await land(bob, deps) for _ in range(3)]
        assert await hers.heard(3) == posts
        assert his.events == []


async def test_nobody_hears_of_a_post_that_was_deleted_before_it_was_ready(
    app: Starlette, ada: Person, bob: Person, deps: Deps
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    async with listening(app, ada) as hers:
        gone = await bob.post()
        assert (await bob.ask("DELETE", f"/v1/posts/{gone['id']}")).status_code == 204
        await fan_out(Record(ready_event(gone), 0, 0), deps)
        kept = await land(bob, deps)
        assert await hers.heard(1) == [kept]


async def test_each_stream_has_a_trace_of_its_own(app: Starlette, ada: Person) -> None:
    async with listening(app, ada) as first, listening(app, ada) as second:
        traces = [
            [value for name, value in one.headers if name == b"traceparent"]
            for one in (first, second)
        ]
        assert [len(one) for one in traces] == [1, 1]
        assert traces[0] != traces[1]


async def test_a_post_that_lands_twice_is_told_once(
    app: Starlette, ada: Person, bob: Person, deps: Deps
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    async with listening(app, ada) as client:
        post = await bob.post()
        for _ in range(2):
            await fan_out(Record(ready_event(post), 0, 0), deps)
        assert await client.heard(1) == [post["id"]]


async def test_whom_one_follows_is_what_it_is_as_a_post_lands(
    app: Starlette, ada: Person, bob: Person, deps: Deps
) -> None:
    async with listening(app, ada) as client:
        await land(bob, deps)
        await asyncio.sleep(0.05)
        await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
        seen = await land(bob, deps)
        assert await client.heard(1) == [seen]
        await ada.ask("PUT", f"/v1/users/{bob.id}/mute")
        await land(bob, deps)
        await asyncio.sleep(0.05)
        await ada.ask("DELETE", f"/v1/users/{bob.id}/mute")
        last = await land(bob, deps)
        assert await client.heard(2) == [seen, last]


async def test_who_comes_back_hears_what_they_missed(
    app: Starlette, ada: Person, bob: Person, deps: Deps
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    async with listening(app, ada) as client:
        first = await land(bob, deps)
        assert await client.heard(1) == [first]
        last = client.events[0][0]
    missed = [await land(bob, deps) for _ in range(3)]
    async with listening(app, ada, last) as client:
        later = await land(bob, deps)
        assert await client.heard(4) == [*missed, later]
    assert isinstance(deps.changes, MemoryChanges)
    deps.changes.flush()
    async with listening(app, ada, last) as client:
        assert await client.heard(5) == [first, *missed, later]


async def test_a_reader_has_a_few_streams_and_those_that_end_make_room(
    app: Starlette, ada: Person
) -> None:
    clients = [Listening(app, ada) for _ in range(STREAMS_PER_USER_MAX + 1)]
    await asyncio.sleep(0.2)
    assert sorted(one.status for one in clients) == [200] * STREAMS_PER_USER_MAX + [429]
    for client in clients:
        client.go()
    await asyncio.wait([client.task for client in clients], timeout=5)
    async with listening(app, ada) as again:
        assert again.status == 200


async def test_a_reader_who_takes_nothing_is_dropped(
    app: Starlette, ada: Person, bob: Person, deps: Deps
) -> None:
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    async with listening(app, ada) as client:
        client.takes = False
        for _ in range(STREAM_QUEUE_LENGTH + 2):
            await land(bob, deps)
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        client.takes = True
        await asyncio.wait([client.task], timeout=5)
        assert client.task.done()


async def test_streams_end_when_the_process_does(app: Starlette, ada: Person) -> None:
    async with listening(app, ada) as client:
        await app.state.streams.close()
        await asyncio.wait([client.task], timeout=5)
        assert client.task.done()
    late = Listening(app, ada)
    await asyncio.wait([late.task], timeout=5)
    assert late.status == 503


@pytest.mark.parametrize("last", ["x", "1-", "-1", "1-2-3", "9" * 20, "1-" + "9" * 20])
async def test_what_is_no_event_is_refused(ada: Person, last: str) -> None:
    answer = await ada.ask("GET", "/v1/feed/stream", headers={"last-event-id": last})
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"][0]["header"] == "Last-Event-ID"


async def test_who_asks_for_the_head_alone_holds_no_stream(ada: Person) -> None:
    async with asyncio.timeout(5):
        for _ in range(STREAMS_PER_USER_MAX + 1):
            answer = await ada.ask("HEAD", "/v1/feed/stream")
            assert (answer.status_code, answer.content) == (200, b"")


async def test_nobody_hears_without_a_token(http: AsyncClient) -> None:
    assert problem(await http.get("/v1/feed/stream")) == (401, "missing-token")
