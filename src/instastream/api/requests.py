"""A request, read as its operation says: who asks, for what, with which body."""

import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request

from instastream.api import ratelimits
from instastream.api.fields import IDEMPOTENCY_KEY_PATTERN, MEANINGS
from instastream.api.metrics import RequestMetrics
from instastream.api.operations import JSON, NOTHING, AnyOperation, Asked, Nothing
from instastream.api.problems import Fault, Invalid
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.ids import UserId
from instastream.limits import QUERY_PARAMETERS_MAX, REQUEST_BYTES_MAX
from instastream.spelling import whole

T = TypeVar("T")

NAME_LENGTH_MAX = 80  # of a field or type that we do not know

AT = re.compile(r"(?P<what>.*) - at `(key in )?\$\.?(?P<at>[^`]*)`", re.DOTALL)
FLOAT = re.compile("`float`( that's a multiple of 1.0)?")  # every number of ours is whole
FIELD = re.compile(
    r"Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL
)


async def read(
    request: Request, operation: AnyOperation, metrics: RequestMetrics
) -> Asked[Any, Any]:
    """Everything that was asked; raises Rejected, cheapest checks first."""
    _check_parameters(request.scope["query_string"])
    state = request.app.state
    deps: Deps = state.deps
    rates = ratelimits.note(request, deps.rates) if operation.paces else deps.rates
    return Asked(
        deps=replace(deps, rates=rates) if operation.paces else deps,
        known=state.known,
        streams=state.streams,
        metrics=metrics,
        viewer=_viewer(request, deps) if operation.signed_in else UserId(""),
        path=request.path_params,
        query=query_of(request.query_params, operation.query),
        idempotency_key=_idempotency_key(request) if operation.idempotency_key else None,
        if_none_match=", ".join(request.headers.getlist("if-none-match")) or None,
        last_event_id=request.headers.get("last-event-id"),
        host=request.client.host if request.client else "",
        body=NOTHING if operation.body is Nothing else await _body(request, operation.body),
    )


def _viewer(request: Request, deps: Deps) -> UserId:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Rejected("missing-token", "this needs `Authorization: Bearer` and an access token")
    return deps.signer.user_of(token.strip(), now_ms=deps.now_ms())


def _check_parameters(query_string: bytes) -> None:
    """Before it is split, which takes long where there are thousands of parameters."""
    if query_string.count(b"&") >= QUERY_PARAMETERS_MAX:
        raise Invalid(Fault(f"a query has at most {QUERY_PARAMETERS_MAX} parameters"))


def query_of(params: QueryParams, query: type[T]) -> T:
    """What a query says; raises Invalid naming the parameter that is wrong."""
    given = params.multi_items()
    once = dict(given)
    if len(once) < len(given):
        times = Counter(name for name, _ in given)
        name = next(name for name in once if times[name] > 1)
        raise Invalid(Fault(f"{name}: given more than once", parameter=name))
    try:
        return msgspec.convert(once, query, strict=False)
    except msgspec.ValidationError as error:
        path, what = explain(str(error), part="parameter")
        raise Invalid(Fault(what, parameter=".".join(path))) from error


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None or re.match(whole(IDEMPOTENCY_KEY_PATTERN), key):
        return key
    what = f"Idempotency-Key: Expected a match of {IDEMPOTENCY_KEY_PATTERN}"
    raise Invalid(Fault(what, header="Idempotency-Key"))


async def _body(request: Request, body: type[T]) -> T:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != JSON:
        raise Rejected(
            "not-json", f"the body must be {JSON}, and is called {content_type[:NAME_LENGTH_MAX]!r}"
        )
    raw = await _bounded(request)
    try:
        return msgspec.json.decode(raw, type=body)
    except msgspec.ValidationError as error:
        path, what = explain(str(error), part="field")
        raise Invalid(Fault(what, pointer=_pointer(path))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = _half_a_character(raw) or f"the body is not JSON: {error}"
        raise Rejected("malformed-json", why) from error


def _half_a_character(raw: bytes) -> str | None:
    """What is wrong with JSON in which a surrogate stands alone: the decoder says other things."""
    try:
        json.dumps(json.loads(raw), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        return f"the body holds half a character: \\u{half:04x} without its other half"
    except (ValueError, RecursionError):  # no JSON at all
        pass
    return None


async def _bounded(request: Request) -> bytes:
    """The body; refused by what it declares, or else as soon as it is too large."""
    with suppress(ValueError):  # none, or one of more digits than Python reads
        if int(request.headers.get("content-length", "")) > REQUEST_BYTES_MAX:
            raise _too_large()
    raw = bytearray()
    try:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > REQUEST_BYTES_MAX:
                raise _too_large()
    except ClientDisconnect as error:
        raise Rejected("request-cut-short", "the connection closed within the body") from error
    return bytes(raw)


def _pointer(path: list[str]) -> str:
    """RFC 6901, as a URI fragment would begin."""
    return "/".join(["#", *(name.replace("~", "~0").replace("/", "~1") for name in path)])


def _in_words(what: str) -> str:
    """What a field must be: a text by its description, not its pattern; of numbers, an integer."""
    what = FLOAT.sub("`integer`", what).removesuffix(".0")
    mismatch = re.fullmatch("Expected `str` matching regex '(.*)'", what)
    if mismatch is None:
        return what
    return MEANINGS.get(mismatch[1].replace(r"\\", "\\"), what)


def _too_large() -> Rejected:
    return Rejected("request-too-large", f"a body has at most {REQUEST_BYTES_MAX} bytes")


def explain(message: str, *, part: str) -> tuple[list[str], str]:
    """Where msgspec complains ([]: of the whole), and a sentence that begins with it."""
    known = AT.fullmatch(message)
    what, at = (known["what"], known["at"]) if known else (message, "")
    path = re.findall(r"[^.[\]]+", at)
    if field := FIELD.fullmatch(what):
        missing = field["what"].startswith("missing")
        what = "is missing" if missing else f"there is no such {part}"
        name = field["name"][:NAME_LENGTH_MAX]
        return [*path, name], f"{'.'.join([at, name]) if at else name}: {what}"
    return path, f"{at}: {_in_words(what)}" if at else what
