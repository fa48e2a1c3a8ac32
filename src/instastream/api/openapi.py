"""The OpenAPI document, computed from the table of operations and the types they name."""

from functools import cache
from typing import Any

import msgspec

from instastream.api import (
    comments,
    feed,
    likes,
    me,
    posts,
    ratelimits,
    service,
    stream,
    tokens,
    uploads,
    users,
)
from instastream.api.fields import IDEMPOTENCY_KEY_PATTERN
from instastream.api.operations import (
    JSON,
    Answer,
    AnyOperation,
    Asked,
    Nothing,
    Operation,
)
from instastream.api.problems import MEDIA_TYPE, PROBLEMS, Problem
from instastream.api.stream import ENTRY_PATTERN
from instastream.ids import SNOWFLAKE_PATTERN, UUID_PATTERN
from instastream.spelling import published

Json = dict[str, Any]

ID = {"type": "string", "pattern": SNOWFLAKE_PATTERN, "examples": ["1571234567890123456"]}
UUID = {
    "type": "string",
    "pattern": UUID_PATTERN,
    "examples": ["6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a"],
}
PATH_PARAMETERS = {
    "user_id": ("Whose.", ID),
    "post_id": ("Which.", ID),
    "comment_id": ("Which.", ID),
    "media_id": ("Which.", UUID),
    "slug": ("The last part of a problem's `type`.", {"type": "string", "enum": [*PROBLEMS]}),
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any name for this request: with another request within a day it is refused.",
    "schema": {"type": "string", "pattern": IDEMPOTENCY_KEY_PATTERN, "examples": ["8e03978e"]},
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that arrived: what landed since comes first.",
    "schema": {"type": "string", "pattern": f"^{ENTRY_PATTERN}$", "examples": ["1795000000000-0"]},
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of what is here already: where it is the same, 304 and no content.",
    "schema": {"type": "string", "examples": ['"8e03978e4f2a5c1d8e03978e"']},
}
HEADERS = {
    "location": ("Where it can be read from now on.", True, "^/v1/"),
    "link": ('The next page, as rel="next"; absent on the last one.', False, 'rel="next"$'),
    "cache-control": ("What may be kept.", True, "^(no-store|private, no-cache)$"),
    "etag": ("Of exactly these bytes, for If-None-Match.", True, '^"[0-9a-f]{24}"$'),
    "traceparent": ("The trace this request belongs to (W3C).", True, "^00-"),
    "www-authenticate": ("How to sign in (RFC 6750).", True, "^Bearer"),
    "retry-after": ("Seconds to wait.", True, "^[0-9]+$"),
    ratelimits.POLICY: ("Rates: `q` requests at once, `w` seconds for so many.", False, ";q="),
    ratelimits.STANDING: ("Of each `r` are left, and `t` seconds until all are.", False, ";r="),
}
TOLD: dict[int, tuple[str, ...]] = {  # with what is refused
    401: ("www-authenticate",),
    429: ("retry-after", *ratelimits.NAMES),
    503: ("retry-after",),
}
BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
DESCRIPTION = """Share photographs and videos: upload straight to the object store, finalize,
follow, read the feed. Every error is a problem (RFC 9457) with a stable `type`, which can be read
as an address."""


async def serve(asked: Asked[Nothing, Nothing]) -> Answer[Json]:
    """This document."""
    return Answer(document())


OPERATIONS: tuple[AnyOperation, ...] = (
    *users.OPERATIONS,
    *me.OPERATIONS,
    *tokens.OPERATIONS,
    *uploads.OPERATIONS,
    *posts.OPERATIONS,
    *comments.OPERATIONS,
    *likes.OPERATIONS,
    *feed.OPERATIONS,
    *stream.OPERATIONS,
    *service.OPERATIONS,
    Operation(
        method="GET",
        path="/openapi.json",
        summary="This document",
        endpoint=serve,
        query=Nothing,
        body=Nothing,
        shown=Json,
        signed_in=False,
    ),
)


@cache
def document() -> Json:
    """OpenAPI 3.1."""
    types = {kind for one in OPERATIONS for kind in (one.body, one.shown, one.accepted) if kind}
    types -= {Nothing}
    ordered = [Problem, *sorted(types, key=str)]
    schemas, components = msgspec.json.schema_components(
        ordered, ref_template="#/components/schemas/{name}"
    )
    schema_of = dict(zip(ordered, schemas, strict=True))
    paths: Json = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {"title": "instastream", "version": "1", "description": DESCRIPTION},
        "paths": published(paths),
        "components": {
            "schemas": published(components),
            "headers": {name: _header(*about) for name, about in HEADERS.items()},
            "securitySchemes": {"bearer": BEARER},
        },
    }


def _operation(one: AnyOperation, schema_of: dict[Any, Json]) -> Json:
    described: Json = {
        "operationId": f"{one.tag}_{one.endpoint.__name__}",
        "summary": one.summary,
        "tags": [one.tag],
        "security": [{"bearer": []}] if one.signed_in else [],
        "parameters": [*_path_parameters(one), *_query_parameters(one)],
        "responses": _successes(one, schema_of) | _failures(one),
    }
    if one.resumable:
        described["parameters"].append(LAST_EVENT_ID)
    if one.conditional:
        described["parameters"].append(IF_NONE_MATCH)
        described["responses"]["304"] = {
            "description": "It is what If-None-Match says",
            "headers": _headers(*one.headers),
        }
    if one.idempotency_key:
        described["parameters"].append(IDEMPOTENCY_KEY)
    if one.body is not Nothing:
        content = {JSON: {"schema": schema_of[one.body] | one.body_schema}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _path_parameters(one: AnyOperation) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "description": about, "schema": schema}
        for name, (about, schema) in PATH_PARAMETERS.items()
        if f"{{{name}}}" in one.path
    ]


def _query_parameters(one: AnyOperation) -> list[Json]:
    _, components = msgspec.json.schema_components([one.query])
    [schema] = components.values()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema["required"],
            "description": field["description"],
            "schema": {key: value for key, value in field.items() if key != "description"},
        }
        for name, field in schema["properties"].items()
    ]


def _successes(one: AnyOperation, schema_of: dict[Any, Json]) -> Json:
    paced = ratelimits.NAMES if one.paces else ()
    successes = {str(one.status): _success(one, schema_of, *paced)}
    if one.accepted is None:
        return successes
    content = {JSON: {"schema": schema_of[one.accepted]}}
    about = (one.accepted.__doc__ or "").splitlines()[0]
    return successes | {
        "202": {"description": about, "headers": _headers(*paced), "content": content}
    }


def _success(one: AnyOperation, schema_of: dict[Any, Json], *more: str) -> Json:
    response: Json = {"description": one.summary, "headers": _headers(*one.headers, *more)}
    if one.shown is not Nothing:
        response["content"] = {one.media_type: {"schema": schema_of[one.shown]}}
    return response


def _failures(one: AnyOperation) -> Json:
    """One response a status, though several problems may share it."""
    by_status: dict[int, list[str]] = {}
    for slug in one.problems_possible():
        by_status.setdefault(PROBLEMS[slug].status, []).append(slug)
    return {str(status): _failure(status, slugs) for status, slugs in sorted(by_status.items())}


def _failure(status: int, slugs: list[str]) -> Json:
    schema = {
        "$ref": "#/components/schemas/Problem",
        "properties": {
            "type": {"enum": [f"/problems/{slug}" for slug in slugs]},
            "status": {"const": status},
        },
    }
    told = TOLD.get(status, ())
    return {
        "description": "; ".join(PROBLEMS[slug].title for slug in slugs),
        "headers": _headers(*told),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "traceparent")}


def _header(about: str, required: bool, pattern: str) -> Json:
    schema = {"type": "string", "pattern": pattern}
    return {"description": about, "required": required, "schema": schema}
