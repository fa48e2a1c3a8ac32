"""The feed's own way through the API: a request that is as expected meets no router.

Whatever is unusual about it (no or a bad token, an odd query, HEAD) goes the way of all others,
which says what is wrong.
"""

from collections.abc import Mapping
from functools import lru_cache

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from instastream.api import feed, requests
from instastream.api.errors import HANDLERS
from instastream.api.metrics import RequestMetrics
from instastream.api.operations import JSON, NOTHING, Asked, Nothing
from instastream.api.pages import PageQuery
from instastream.errors import Rejected, Unavailable

PATH = "/v1/feed"
QUERIES_KEPT = 1_024  # pages differ by their cursors, first pages hardly at all
QUERY_BYTES_MAX = 256  # twice what a page needs: longer ones are not worth keeping
BEARER = b"Bearer "
JSON_HEADER = (b"content-type", JSON.encode())


class Hot:
    """ASGI middleware: answers GET /v1/feed itself."""

    def __init__(self, app: ASGIApp, *, route: BaseRoute, metrics: RequestMetrics) -> None:
        self._app = app
        self._route = route
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "GET":
            asked = self._asked(scope)
            if asked:
                scope["route"] = self._route
                try:
                    answer = await feed.read(asked)
                except (Rejected, Unavailable) as error:
                    response: Response = await HANDLERS[type(error)](Request(scope), error)
                    return await response(scope, receive, send)
                assert answer.shown is None or isinstance(answer.shown, bytes)
                return await _send(answer.shown, answer.headers, send)
        return await self._app(scope, receive, send)

    def _asked(self, scope: Scope) -> Asked[PageQuery, Nothing] | None:
        token: bytes | None = None
        tags: list[str] = []
        for name, value in scope["headers"]:
            if name == b"authorization":
                if token is not None:  # the first counts, the router knows
                    return None
                token = value
            elif name == b"if-none-match":
                tags.append(value.decode("latin-1"))
        state = scope["app"].state
        deps = state.deps
        if token is None or not token.startswith(BEARER):
            return None
        if len(scope["query_string"]) > QUERY_BYTES_MAX:
            return None
        try:
            viewer = deps.signer.user_of(token[len(BEARER) :].decode(), now_ms=deps.now_ms())
            query = _query(scope["query_string"])
        except (Rejected, UnicodeDecodeError):
            return None
        return Asked(
            deps=deps,
            known=state.known,
            streams=state.streams,
            metrics=self._metrics,
            viewer=viewer,
            path={},
            query=query,
            body=NOTHING,
            idempotency_key=None,
            if_none_match=", ".join(tags) or None,
        )


@lru_cache(QUERIES_KEPT)
def _query(query_string: bytes) -> PageQuery:
    return requests.query_of(QueryParams(query_string), PageQuery)


async def _send(body: bytes | None, headers: Mapping[str, str], send: Send) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    if body is not None:
        raw += [JSON_HEADER, (b"content-length", b"%d" % len(body))]
    await send(
        {"type": "http.response.start", "status": 304 if body is None else 200, "headers": raw}
    )
    await send({"type": "http.response.body", "body": body or b""})
