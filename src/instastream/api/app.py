"""The ASGI application: routes, what is open while it runs, and what becomes of errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import groupby
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from instastream.api import hot, ratelimits, requests
from instastream.api.errors import HANDLERS
from instastream.api.fields import SIZES
from instastream.api.metrics import Observed, RequestMetrics
from instastream.api.openapi import OPERATIONS
from instastream.api.operations import JSON, Answer, AnyOperation
from instastream.api.views import encode_post, numbers_json
from instastream.deps import Deps, know_epochs, open_deps
from instastream.events import DATED
from instastream.reading.known import Known
from instastream.reading.streams import Streams
from instastream.reading.usage import usage_of
from instastream.settings import Settings


def create_app(source: Settings | Deps) -> Starlette:
    """The API on the servers that settings name, opened while it runs, or on open deps."""
    metrics = RequestMetrics()
    routes = _routes(metrics)
    feed = next(route for route in routes if route.path == hot.PATH)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Observed, metrics=metrics),
            Middleware(hot.Hot, route=feed, metrics=metrics),
        ],
        exception_handlers=HANDLERS,
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False  # one address for each thing
    app.state.metrics = metrics
    if isinstance(source, Deps):
        _open(app, source)
    else:
        app.state.settings = source
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    if hasattr(app.state, "deps"):
        yield
        return
    async with open_deps(app.state.settings) as deps:
        await know_epochs(DATED, deps)
        _open(app, deps)
        yield
        await app.state.streams.close()


def _open(app: Starlette, deps: Deps) -> None:
    app.state.deps = deps
    app.state.known = Known(
        deps, show=partial(encode_post, deps=deps), show_numbers=numbers_json, sizes=SIZES
    )
    app.state.streams = Streams(app.state.known, deps)
    app.state.metrics.watch(
        caches=partial(usage_of, app.state.known), streams=app.state.streams.open_now
    )


def _routes(metrics: RequestMetrics) -> list[Route]:
    by_path = groupby(sorted(OPERATIONS, key=_path), key=_path)
    return [_route(path, list(operations), metrics) for path, operations in by_path]


def _path(operation: AnyOperation) -> str:
    return operation.path


def _route(path: str, operations: list[AnyOperation], metrics: RequestMetrics) -> Route:
    """One route for all methods of a path, so that a 405 names them all."""
    by_method = {operation.method: operation for operation in operations}

    async def endpoint(request: Request) -> Response:
        operation = by_method["GET" if request.method == "HEAD" else request.method]
        asked = await requests.read(request, operation, metrics)
        response = respond(operation, await operation.endpoint(asked))
        if operation.paces:
            response.headers.update(ratelimits.told(request))
        return response

    return Route(path, endpoint, methods=list(by_method))


def respond(operation: AnyOperation, answer: Answer[Any]) -> Response:
    """An answer as its operation says it looks."""
    assert set(answer.headers) <= set(operation.headers)
    if answer.accepted is not None:
        assert isinstance(answer.accepted, operation.accepted or ())
        return Response(msgspec.json.encode(answer.accepted), 202, media_type=JSON)
    if isinstance(answer.shown, Response):
        return answer.shown
    if operation.conditional and answer.shown is None:
        return Response(None, 304, dict(answer.headers))
    if operation.status == 204:
        return Response(None, 204, dict(answer.headers))
    content = _encoded(operation, answer.shown)
    return Response(content, operation.status, dict(answer.headers), operation.media_type)


def _encoded(operation: AnyOperation, shown: object) -> bytes:
    if isinstance(shown, bytes):
        return shown
    return msgspec.json.encode(shown) if operation.media_type == JSON else str(shown).encode()
