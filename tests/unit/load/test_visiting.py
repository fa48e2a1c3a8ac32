"""A visitor waits where the API asks for it, and says what it answers wrongly."""

from collections.abc import Callable

import pytest
from httpx2 import AsyncClient, ConnectError, MockTransport, Request, Response

from instastream.errors import InstastreamError, Unavailable
from instastream.load.checks import visiting
from instastream.load.checks.oracle import Account
from instastream.load.checks.visiting import Visitor

TOKEN = {"access_token": "a token"}
Handler = Callable[[Request], Response]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "WAIT_S_MAX", 0.0)


def visitor(answer: Handler) -> Visitor:
    """Signed in, wherever that is asked for."""

    def handle(request: Request) -> Response:
        return Response(200, json=TOKEN) if request.method == "POST" else answer(request)

    return Visitor(AsyncClient(transport=MockTransport(handle), base_url="http://api"), Account())


async def test_who_is_asked_to_come_again_comes_again() -> None:
    answers = iter([Response(503), Response(429, headers={"retry-after": "1"}), Response(404)])
    assert await visitor(lambda request: next(answers)).post("1") is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(200, content=b"<html>"), "not as documented"),
        (Response(200, json={"id": "1"}), "not as documented"),
        (Response(200, content=b"\xff\xff"), "not as documented"),
        (Response(302), "answered 302"),
        (Response(401), "answered 401"),
    ],
)
async def test_garbage_is_named(answer: Response, why: str) -> None:
    with pytest.raises(InstastreamError, match=f"GET /v1/posts/1 .*{why}|GET /v1/posts/1 {why}"):
        await visitor(lambda request: answer).post("1")


async def test_an_api_that_is_gone_is_unavailable() -> None:
    def refuse(request: Request) -> Response:
        raise ConnectError("nobody listens")

    with pytest.raises(Unavailable, match="nobody listens"):
        await visitor(refuse).post("1")


async def test_a_list_without_an_end_is_cut_where_it_repeats() -> None:
    page = {"posts": [], "next_cursor": "again"}
    assert len(await visitor(lambda request: Response(200, json=page)).pages("/v1/feed")) == 2
