"""The API on memory stores; every answer in these tests is checked against the document."""

import base64
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import pytest_asyncio
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.types import ASGIApp

from instastream.api.app import create_app
from instastream.deps import Deps, memory_deps
from instastream.errors import Corrupt, Unavailable
from instastream.events import MediaReady, Record, UserJoined, Variant
from instastream.handlers.graph import record_joined
from instastream.handlers.posts import record_ready
from instastream.ids import MediaId, PostId, UserId
from instastream.log import Appended
from instastream.media import VARIANTS, Rendering, media_folder, object_key
from instastream.stores.blobs import SignedPut
from instastream.stores.memory import MemoryBlobs, MemoryLog
from tests.conftest import IN_MEMORY
from tests.unit.api.contract import check_answer

Json = dict[str, Any]

PASSWORD = "a long password"
PHOTO = b"the bytes of a photograph"
NOBODYS = "6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a"  # a media id
NOW_MS = 1_795_000_000_000


class NoRenderer:
    """Workers render, not the API."""

    async def render(self, content: bytes) -> Rendering:
        raise Corrupt("unreadable-image", "nothing is rendered here")


class Person:
    """A client who is signed in."""

    def __init__(self, http: AsyncClient, deps: Deps, user_id: UserId) -> None:
        token = deps.signer.sign(user_id, now_ms=deps.now_ms())
        self.id = user_id
        self.headers = {"authorization": f"Bearer {token}"}
        self.http = http
        self._deps = deps

    async def ask(self, method: str, path: str, **request: Any) -> Response:
        headers = self.headers | request.pop("headers", {})
        return await self.http.request(method, path, headers=headers, **request)

    async def get(self, path: str, **params: object) -> Response:
        return await self.ask("GET", path, params=params or None)

    async def upload(self, content: bytes = PHOTO, content_type: str = "image/jpeg") -> str:
        """The media id of an upload whose bytes have arrived."""
        body = declaration(content) | {"content_type": content_type}
        declared = await self.ask("POST", "/v1/uploads", json=body)
        put = declared.json()["put"]
        assert isinstance(self._deps.blobs, MemoryBlobs)
        self._deps.blobs.take(SignedPut(put["url"], put["headers"]), content)
        return str(declared.json()["media_id"])

    async def post(self, **words: str) -> Json:
        """A post that is still processing."""
        response = await self.ask("POST", "/v1/posts", json=single(await self.upload(), **words))
        assert response.status_code == 202
        return dict(response.json())


class DownLog(MemoryLog):
    """A log that does not acknowledge; whether it kept the event is not known."""

    def __init__(self, keeps: bool) -> None:
        super().__init__()
        self.keeps = keeps

    async def append(self, event: Appended) -> Record[Appended]:
        if self.keeps:
            await super().append(event)
        raise Unavailable("kafka", "connection refused at 10.1.2.3")


def single(media_id: str, **words: object) -> Json:
    """What makes one upload a post."""
    media: Json = {"media_id": media_id}
    if "alt_text" in words:
        media["alt_text"] = words.pop("alt_text")
    return {"media": [media]} | words


def declaration(content: bytes = PHOTO) -> Json:
    """What a client says of its upload."""
    return {
        "content_type": "image/jpeg",
        "size_bytes": len(content),
        "sha256": base64.b64encode(sha256(content).digest()).decode(),
    }


@asynccontextmanager
async def client_of(app: ASGIApp) -> AsyncIterator[AsyncClient]:
    """A client whose every answer must be one that the document knows."""
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    hooks = {"response": [check_answer]}
    async with AsyncClient(
        transport=transport, base_url="http://api.test", event_hooks=hooks
    ) as http:
        yield http


@asynccontextmanager
async def serving(deps: Deps, **other: Any) -> AsyncIterator[AsyncClient]:
    """The API with some of its dependencies replaced."""
    async with client_of(create_app(dataclasses.replace(deps, **other))) as http:
        yield http


@pytest_asyncio.fixture
async def deps() -> AsyncIterator[Deps]:
    async with memory_deps(IN_MEMORY, NoRenderer()) as deps:
        yield deps


@pytest_asyncio.fixture
async def http(deps: Deps) -> AsyncIterator[AsyncClient]:
    async with serving(deps) as http:
        yield http


@pytest_asyncio.fixture
async def ada(http: AsyncClient, deps: Deps) -> Person:
    return await person("ada", http, deps)


@pytest_asyncio.fixture
async def bob(http: AsyncClient, deps: Deps) -> Person:
    return await person("bob", http, deps)


@pytest_asyncio.fixture
async def eve(http: AsyncClient, deps: Deps) -> Person:
    return await person("eve", http, deps)


@pytest_asyncio.fixture
async def post(ada: Person, deps: Deps) -> Json:
    """Of Ada's, ready."""
    return await make_ready(await ada.post(), deps)


async def person(username: str, http: AsyncClient, deps: Deps) -> Person:
    """Someone who joined, without the cost of hashing a password."""
    user_id = UserId(await deps.ids.mint())
    event = UserJoined(user_id=user_id, username=username, at_ms=NOW_MS)
    await record_joined(Record(event, 0, 0), deps)
    return Person(http, deps, user_id)


FOLDER = media_folder("d" * 32, generation=0)


async def make_ready(post: Json, deps: Deps) -> Json:
    """The post as workers leave it."""
    await record_ready(Record(ready_event(post), 0, 0), deps)
    return post


def ready_event(post: Json) -> MediaReady:
    """What a worker says of a post's first media."""
    variants = [
        Variant(spec.name, object_key(FOLDER, spec.name), spec.width, spec.width // 2, 1_000)
        for spec in VARIANTS
    ]
    return MediaReady(
        media_id=MediaId(NOBODYS),
        post_id=PostId(post["id"]),
        author_id=UserId(post["author_id"]),
        digest="d" * 32,
        variants=variants,
        at_ms=NOW_MS,
    )


def problem(response: Response) -> tuple[int, str]:
    """The status and the slug of a problem."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    return response.status_code, body["type"].removeprefix("/problems/")
