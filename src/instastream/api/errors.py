"""What becomes of errors: each is answered with a problem."""

import logging
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from instastream.api import ratelimits
from instastream.api.problems import Invalid, respond
from instastream.errors import Rejected, Unavailable, Unready
from instastream.tracing import current_trace

LINE_LENGTH_MAX = 500  # of what clients choose: paths of ours have a fifth of that

log = logging.getLogger(__name__)


async def _rejected(request: Request, error: Rejected) -> Response:
    response = respond(error.problem, error.detail, retry_after_s=error.retry_after_s)
    response.headers.update(ratelimits.told(request))
    return response


async def _invalid(request: Request, error: Invalid) -> Response:
    return respond(error.problem, error.detail, fault=error.fault)


async def _unavailable(request: Request, error: Unavailable) -> Response:
    log.warning("%s: %s", _named(request), _in_a_line(str(error)))
    return respond("unavailable", f"{error.what} does not answer: try the same again")


async def _unready(request: Request, error: Unready) -> Response:
    log.error("%s: %s", _named(request), _in_a_line(str(error)))
    return respond("unavailable", "this is being changed, and its log says how: try again later")


async def _unrouted(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405:
        methods = sorted((error.headers or {})["Allow"].split(", "))
        detail = f"{request.method} can't be done here, only {', '.join(methods)}"
        return respond("method-not-allowed", detail, allow=", ".join(methods))
    path = _in_a_line(request.scope["path"])
    return respond("not-found", f"nothing is at {path}: see /openapi.json")


async def _unexpected(request: Request, error: Exception) -> Response:
    """Says nothing of what went wrong: the log does, under the same trace."""
    log.error("%s", _named(request), exc_info=error)
    response = respond("internal-error", "this is our mistake, and it is logged")
    response.headers["traceparent"] = current_trace()  # answered outside of Observed
    return response


def _named(request: Request) -> str:
    return _in_a_line(f"{request.method} {request.scope['path']}")


def _in_a_line(text: str) -> str:
    """A text that clients may have chosen, as one line of printable characters, not too long."""
    return repr(text[:LINE_LENGTH_MAX])[1:-1]


HANDLERS: dict[int | type[Exception], Callable[..., Awaitable[Response]]] = {
    Rejected: _rejected,
    Invalid: _invalid,
    Unavailable: _unavailable,
    Unready: _unready,
    HTTPException: _unrouted,
    Exception: _unexpected,
}
