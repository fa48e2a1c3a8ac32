"""What a client sends is no header of an answer, no line of a log, and no address that is asked."""

import logging
from typing import Any
from urllib.parse import quote

import pytest
from httpx2 import AsyncClient
from starlette.requests import Request
from starlette.types import Message

from instastream.api.app import create_app
from instastream.api.errors import HANDLERS
from instastream.deps import Deps
from instastream.errors import InstastreamError, Unavailable, Unready
from tests.unit.api.conftest import Person, declaration, problem

BREAK = "\r\nset-cookie: injected=1\r\n\r\n<script>"
ESCAPES = "\n2026-11-27 ERROR all is lost\r\x1b[2J\x07\x85\u2028\u202e\x00"
EVIL = "evil.example"

Headers = list[tuple[bytes, bytes]]


async def raw_answer(
    app: Any, path: str, query: bytes = b"", headers: Headers | None = None
) -> tuple[int, Headers, bytes]:
    """What is answered to a request as no client would send it."""
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": headers or [],
        "scheme": "http",
        "server": ("api.test", 80),
        "client": ("192.0.2.7", 40_000),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(one.get("body", b"") for one in sent)
    return sent[0]["status"], list(sent[0]["headers"]), body


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/users/{}", ""),
        ("/v1/users/{}/follow", ""),
        ("/v1/posts/{}", ""),
        ("/v1/posts/{}/comments", "order={}"),
        ("/v1/posts/{}/comments/{}", ""),
        ("/v1/uploads/{}", ""),
        ("/v1/feed/explain/{}", ""),
        ("/v1/feed", "cursor={}"),
        ("/v1/feed", "size={}"),
        ("/v1/feed", "{}=1"),
        ("/v1/me/blocks", "limit={}"),
        ("/problems/{}", ""),
        ("/{}", ""),
    ],
)
async def test_no_path_and_no_query_becomes_a_header(
    ada: Person, deps: Deps, path: str, query: str
) -> None:
    headers = [(b"authorization", ada.headers["authorization"].encode())]
    asked = path.replace("{}", BREAK), query.replace("{}", quote(BREAK)).encode()
    status, told, body = await raw_answer(create_app(deps), *asked, headers)
    assert 400 <= status < 500
    assert b"set-cookie" not in {name.lower() for name, _ in told}
    assert not [value for _, value in told if b"\r" in value or b"\n" in value]
    assert dict(told)[b"content-type"] == b"application/problem+json"
    assert b"\n" not in body


@pytest.mark.parametrize(
    "name", ["traceparent", "last-event-id", "idempotency-key", "if-none-match", "authorization"]
)
async def test_no_header_becomes_another(ada: Person, deps: Deps, name: str) -> None:
    headers = [(b"authorization", ada.headers["authorization"].encode())]
    headers.insert(0, (name.encode(), BREAK.encode()))
    _, told, _ = await raw_answer(create_app(deps), "/v1/feed", b"", headers)
    assert b"set-cookie" not in {name.lower() for name, _ in told}
    assert not [value for _, value in told if b"\r" in value or b"\n" in value]


@pytest.mark.parametrize("path", ["/nothing", "/v1/feed", "/v1/posts/1"])
async def test_a_query_of_any_bytes_is_answered(ada: Person, deps: Deps, path: str) -> None:
    headers = [(b"authorization", ada.headers["authorization"].encode())]
    status, _, _ = await raw_answer(create_app(deps), path, b"a=\xff\xfe", headers)
    assert 400 <= status < 500


@pytest.mark.parametrize(
    "error", [Unavailable("redis", ESCAPES), Unready(ESCAPES), RuntimeError("a bug")]
)
async def test_what_is_logged_of_a_request_is_one_line(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    scope = {"type": "http", "method": "GET", "path": f"/v1/{ESCAPES}", "headers": []}
    kind = type(error) if isinstance(error, InstastreamError) else Exception
    with caplog.at_level(logging.DEBUG):
        await HANDLERS[kind](Request(scope), error)
    [record] = caplog.records
    assert record.getMessage().isprintable()
    assert "all is lost" in record.getMessage(), "it is told, and cannot pass for another line"


async def test_a_long_path_is_a_short_line(caplog: pytest.LogCaptureFixture) -> None:
    scope = {"type": "http", "method": "GET", "path": "/" + "x" * 60_000, "headers": []}
    await HANDLERS[Unavailable](Request(scope), Unavailable("redis", "y" * 60_000))
    assert len(caplog.records[0].getMessage()) < 1_200


async def test_no_address_is_taken_from_who_asks(ada: Person, http: AsyncClient) -> None:
    """Where bytes go and come from is in the settings, whatever host a request is for."""
    told = ada.headers | {
        "host": EVIL,
        "x-forwarded-host": EVIL,
        "x-forwarded-proto": "gopher",
        "forwarded": f"host={EVIL};proto=gopher",
        "x-original-url": f"http://{EVIL}/",
    }
    declared = await http.post("/v1/uploads", headers=told, json=declaration())
    await ada.post()
    for answer in (
        declared,
        await http.get("/v1/feed", headers=told, params={"limit": 1}),
        await http.get(f"/v1/users/{ada.id}/posts", headers=told, params={"limit": 1}),
        await http.get("/nothing", headers=told),
    ):
        assert EVIL not in answer.text + str(answer.headers)
        assert "gopher" not in answer.text + str(answer.headers)


async def test_no_request_has_a_field_for_an_address(ada: Person) -> None:
    """Nothing is fetched from where a client says."""
    for field in ("url", "source", "avatar_url", "callback"):
        body = declaration() | {field: "http://127.0.0.1:9/"}
        assert problem(await ada.ask("POST", "/v1/uploads", json=body)) == (422, "invalid-request")
