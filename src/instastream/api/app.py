"""The ASGI application: routes, what is open while it runs, and what becomes of errors."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import groupby

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from instastream.api import problems, requests
from instastream.api.metrics import Observed, RequestMetrics
from instastream.api.openapi import OPERATIONS
from instastream.api.operations import JSON, Answer, AnyOperation
from instastream.api.problems import Invalid
from instastream.deps import Deps, open_deps
from instastream.errors import Rejected, Unavailable
from instastream.settings import Settings
from instastream.tracing import current_trace

log = logging.getLogger(__name__)


def create_app(source: Settings | Deps) -> Starlette:
    """The API on the servers that settings name, opened while it runs, or on open deps."""
    metrics = RequestMetrics()
    app = Starlette(
        routes=_routes(metrics),
        middleware=[Middleware(Observed, metrics=metrics)],
        exception_handlers=HANDLERS,
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False  # one address for each thing
    if isinstance(source, Deps):
        app.state.deps = source
    else:
        app.state.settings = source
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    if hasattr(app.state, "deps"):
        yield
        return
    async with open_deps(app.state.settings) as deps:
        app.state.deps = deps
        yield


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
        asked = await requests.read(request, operation, request.app.state.deps, metrics)
        return respond(operation, await operation.endpoint(asked))

    return Route(path, endpoint, methods=list(by_method))


def respond(operation: AnyOperation, answer: Answer[object]) -> Response:
    """An answer as its operation says it looks."""
    assert set(answer.headers) <= set(operation.headers)
    if answer.accepted is not None:
        assert isinstance(answer.accepted, operation.accepted or ())
        return Response(msgspec.json.encode(answer.accepted), 202, media_type=JSON)
    if operation.status == 204:
        return Response(None, 204, dict(answer.headers))
    content = _encoded(operation, answer.shown)
    return Response(content, operation.status, dict(answer.headers), operation.media_type)


def _encoded(operation: AnyOperation, shown: object) -> bytes:
    return msgspec.json.encode(shown) if operation.media_type == JSON else str(shown).encode()


async def _rejected(request: Request, error: Rejected) -> Response:
    return problems.respond(error.problem, error.detail, retry_after_s=error.retry_after_s)


async def _invalid(request: Request, error: Invalid) -> Response:
    return problems.respond(error.problem, error.detail, fault=error.fault)


async def _unavailable(request: Request, error: Unavailable) -> Response:
    log.warning("%s %s (%s): %s", request.method, request.url.path, current_trace(), error)
    return problems.respond("unavailable", f"{error.what} does not answer: try the same again")


async def _unrouted(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405:
        methods = sorted((error.headers or {})["Allow"].split(", "))
        detail = f"{request.method} can't be done here, only {', '.join(methods)}"
        return problems.respond("method-not-allowed", detail, allow=", ".join(methods))
    return problems.respond("not-found", f"nothing is at {request.url.path}: see /openapi.json")


async def _unexpected(request: Request, error: Exception) -> Response:
    """Says nothing of what went wrong: the log does, under the same trace."""
    log.error("%s %s (%s)", request.method, request.url.path, current_trace(), exc_info=error)
    response = problems.respond("internal-error", "this is our mistake, and it is logged")
    response.headers["traceparent"] = current_trace()  # answered outside of Observed
    return response


HANDLERS: dict[int | type[Exception], Callable[..., Awaitable[Response]]] = {
    Rejected: _rejected,
    Invalid: _invalid,
    Unavailable: _unavailable,
    HTTPException: _unrouted,
    Exception: _unexpected,
}
