"""What can be wrong with a request, as RFC 9457 problem details: one table, stable types."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.responses import Response

from instastream.errors import Rejected
from instastream.tracing import current_trace

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2  # a restarted broker or node is back in two or three seconds
DETAIL_LENGTH_MAX = 300  # details may quote what the client sent


class Kind(Struct, frozen=True):
    """One type of problem: its status, its title, and what a client can do about it."""

    status: int
    title: str
    advice: str


# 400: not understood. 403: not you. 409: not as things stand. 422: understood, and never granted.
PROBLEMS = {
    "malformed-json": Kind(400, "The body is not JSON", "Send one JSON object in UTF-8."),
    "invalid-id": Kind(400, "This is not an id", "Use ids as this API gave them, as strings."),
    "invalid-cursor": Kind(400, "This is not a cursor", "Use next_cursor of a page, unchanged."),
    "request-cut-short": Kind(400, "The body did not arrive whole", "Send the request again."),
    "missing-token": Kind(401, "Sign in first", "Send `Authorization: Bearer <access_token>`."),
    "invalid-token": Kind(401, "This token is not valid", "Sign in again at POST /v1/tokens."),
    "expired-token": Kind(401, "This token has expired", "Get a new one: POST /v1/tokens/refresh."),
    "invalid-credentials": Kind(
        401, "Wrong username or password", "Check both; it is not said which one is wrong."
    ),
    "follow-yourself": Kind(403, "You can't follow yourself", "Read your own posts instead."),
    "block-yourself": Kind(403, "You can't block yourself", "Block somebody else."),
    "mute-yourself": Kind(403, "You can't mute yourself", "Mute somebody else."),
    "account-private": Kind(403, "This account is private", "Ask to follow it."),
    "user-blocked": Kind(403, "You block this user", "Unblock them first."),
    "not-your-post": Kind(403, "This post is not yours", "Only its author can change a post."),
    "not-your-comment": Kind(
        403,
        "This comment is not yours",
        "Its author can change it, and the post's delete it.",
    ),
    "not-found": Kind(404, "There is nothing here", "/openapi.json lists what there is."),
    "user-not-found": Kind(404, "There is no such user", "Check the id."),
    "request-not-found": Kind(
        404, "There is no such request", "They took it back, or it is answered already."
    ),
    "post-not-found": Kind(404, "There is no such post", "It is not there, or not for you to see."),
    "comment-not-found": Kind(
        404, "There is no such comment", "It is not there any more, or not for you to see."
    ),
    "upload-not-found": Kind(
        404, "You have no such upload", "Request one at POST /v1/uploads, with your own token."
    ),
    "method-not-allowed": Kind(405, "This can't be done here", "The Allow header says what can."),
    "username-taken": Kind(409, "This username is taken", "Choose another one."),
    "too-many-follows": Kind(409, "You follow too many already", "Unfollow some first."),
    "too-many-blocks": Kind(409, "You block too many already", "Unblock some first."),
    "too-many-mutes": Kind(409, "You mute too many already", "Unmute some first."),
    "post-not-ready": Kind(409, "This post is not ready yet", "Wait until others can see it."),
    "upload-missing": Kind(
        409, "Nothing was uploaded yet", "PUT the bytes as the upload says, then finalize again."
    ),
    "upload-incomplete": Kind(
        409, "Parts of this upload are missing", "Send them and complete it, then finalize again."
    ),
    "upload-complete": Kind(409, "This upload is complete already", "Finalize it."),
    "upload-mismatch": Kind(
        409,
        "What was uploaded is not what was declared",
        "Do as the detail says, or request a new upload.",
    ),
    "upload-already-used": Kind(
        409,
        "This upload is a post already",
        "Finalize again only with the same caption, alt texts and order.",
    ),
    "idempotency-key-reused": Kind(
        409, "This Idempotency-Key came with another request", "Use a new key for a new request."
    ),
    "upload-expired": Kind(410, "This upload has expired", "Request a new one and PUT it anew."),
    "upload-aborted": Kind(410, "This upload was aborted", "Request a new one and send it anew."),
    "request-too-large": Kind(413, "The body is too large", "Media go to the object store."),
    "not-json": Kind(415, "The body must be JSON", "Send `Content-Type: application/json`."),
    "invalid-request": Kind(
        422,
        "The request is not as described",
        "The detail says what it must be; `errors`, if there is one, where.",
    ),
    "unsupported-media-type": Kind(
        422, "Such media is not accepted", "Convert it to one of the types in the detail."
    ),
    "upload-too-large": Kind(422, "Such a size is not accepted", "The detail says what is."),
    "reply-too-deep": Kind(
        422, "This is a reply itself", "Reply to the comment that it replies to."
    ),
    "too-many-mentions": Kind(422, "Too many are mentioned", "Mention fewer at once."),
    "too-many-requests": Kind(429, "This is too fast", "Try the same again after Retry-After."),
    "too-many-uploads": Kind(
        429, "You have too many uploads open", "Finalize or abort some, or wait for Retry-After."
    ),
    "too-many-streams": Kind(429, "You have too many streams open", "Close one of them first."),
    "internal-error": Kind(
        500, "Something went wrong here", "Try again; if it stays, report the instance."
    ),
    "unavailable": Kind(
        503, "A server behind this one does not answer", "Try the same again after Retry-After."
    ),
}


class Fault(Struct, frozen=True, omit_defaults=True):
    """What is wrong with one part of a request: a field, a parameter or a header."""

    detail: str
    pointer: Annotated[
        str | UnsetType, Meta(description="Into the body (RFC 6901).", examples=["#/caption"])
    ] = UNSET
    parameter: Annotated[str | UnsetType, Meta(description="Of the query.", examples=["limit"])] = (
        UNSET
    )
    header: Annotated[str | UnsetType, Meta(examples=["Idempotency-Key"])] = UNSET


class Problem(Struct, frozen=True, omit_defaults=True):
    """RFC 9457 problem details; `instance` names the trace that the request belongs to."""

    type: Annotated[
        str,
        Meta(
            description="Stable: the same problem always has the same type.",
            examples=["/problems/upload-missing"],
        ),
    ]
    title: Annotated[str, Meta(examples=["Nothing was uploaded yet"])]
    status: Annotated[int, Meta(examples=[409])]
    detail: Annotated[str, Meta(description="What is wrong this time, for people.")]
    instance: Annotated[str, Meta(examples=["trace:4bf92f3577b34da6a3ce929d0e0e4736"])]
    errors: list[Fault] | UnsetType = UNSET


class ProblemType(Struct, frozen=True):
    """What a type of problem means."""

    type: str
    title: str
    status: int
    advice: str


class Invalid(Rejected):
    """A request one part of which is not as described."""

    def __init__(self, fault: Fault) -> None:
        super().__init__("invalid-request", fault.detail)
        self.fault = fault


def describe(slug: str) -> ProblemType:
    """A type of problem; raises Rejected("not-found") when there is no such type."""
    kind = PROBLEMS.get(slug)
    if kind is None:
        raise Rejected("not-found", f"there is no type of problem {slug[:40]!r}")
    return ProblemType(_type(slug), kind.title, kind.status, kind.advice)


def respond(
    slug: str,
    detail: str,
    *,
    fault: Fault | None = None,
    allow: str | None = None,
    retry_after_s: int | None = None,
) -> Response:
    """The response that tells a client about a problem."""
    kind = PROBLEMS[slug]
    problem = Problem(
        type=_type(slug),
        title=kind.title,
        status=kind.status,
        detail=detail[:DETAIL_LENGTH_MAX],
        instance="trace:" + current_trace().split("-")[1],
        errors=[fault] if fault else UNSET,
    )
    headers = _headers(slug, kind.status) | ({"allow": allow} if allow else {})
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    return Response(msgspec.json.encode(problem), kind.status, headers, MEDIA_TYPE)


def _type(slug: str) -> str:
    return f"/problems/{slug}"


def _headers(slug: str, status: int) -> dict[str, str]:
    if status == 503:
        return {"retry-after": str(RETRY_AFTER_S)}
    if status == 401:
        told = slug in ("invalid-token", "expired-token")
        return {"www-authenticate": 'Bearer error="invalid_token"' if told else "Bearer"}
    return {}
