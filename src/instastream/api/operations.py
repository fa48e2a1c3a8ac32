"""What the API can do is a table of operations: requests are read, and described, by it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct
from starlette.responses import Response

from instastream.api.metrics import RequestMetrics
from instastream.deps import Deps
from instastream.ids import UserId
from instastream.media_urls import media_url
from instastream.reading.known import Known
from instastream.reading.streams import Streams

Query = TypeVar("Query")
Body = TypeVar("Body")
Shown = TypeVar("Shown")

JSON = "application/json"
Encoded: TypeAlias = bytes | Response | None  # what is shown, ready to be sent


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No query, no body, or no content."""


NOTHING = Nothing()


class Asked(Struct, Generic[Query, Body], frozen=True, kw_only=True):
    """A request whose parts are all as its operation says."""

    deps: Deps
    known: Known
    streams: Streams
    metrics: RequestMetrics
    viewer: UserId  # who asks; "" where nobody needs to sign in
    path: Mapping[str, str]  # not checked yet: ids are parsed by who knows of what
    query: Query
    body: Body
    idempotency_key: str | None
    if_none_match: str | None
    last_event_id: str | None = None
    host: str = ""  # of whoever asks, behind any front; "" where that is not known

    def media_url(self, key: str) -> str:
        """Where whoever asks finds an object."""
        return media_url(self.deps.settings, key, now_s=self.deps.now_ms() // 1000)


class Answer(Struct, Generic[Shown], frozen=True):
    """What to show, and headers that the operation names.

    `accepted` is shown instead of it, with 202, where the operation has that.
    """

    shown: Shown
    headers: Mapping[str, str] = {}
    accepted: Struct | None = None


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[Query, Body, Shown]):
    """One method of one path: what it takes, what it answers, and what can go wrong.

    `problems` are those of its own: what every such request can meet is known from the rest.
    """

    method: str
    path: str
    summary: str
    endpoint: Callable[[Asked[Query, Body]], Awaitable[Answer[Shown] | Answer[Encoded]]]
    query: type[Query]
    body: type[Body]
    shown: type[Shown]
    status: int = 200
    accepted: type[Struct] | None = None  # what a 202 shows, where it is begun and not yet done
    media_type: str = JSON
    body_schema: dict[str, Any] = field(default_factory=dict)  # what its type does not say
    headers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    signed_in: bool = True
    idempotency_key: bool = False
    resumable: bool = False  # takes Last-Event-ID
    conditional: bool = False  # takes If-None-Match: its content is bytes, None where it matches
    paces: tuple[str, ...] = ()  # those of pacing.PACES that it takes of

    @property
    def tag(self) -> str:
        """What it is about: the module of its endpoint, such as `users`."""
        return self.endpoint.__module__.rpartition(".")[2]

    def problems_possible(self) -> list[str]:
        """Every slug it can answer with, sorted."""
        slugs = {"internal-error", "invalid-request", *self.problems}
        if self.path.startswith("/v1/"):
            slugs |= {"unavailable"}
        if self.paces:
            slugs |= {"too-many-requests"}
        if self.signed_in:
            slugs |= {"missing-token", "invalid-token", "expired-token"}
        if "_id}" in self.path:
            slugs |= {"invalid-id"}
        if self.body is not Nothing:
            slugs |= {"malformed-json", "not-json", "request-too-large", "request-cut-short"}
        return sorted(slugs)


AnyOperation: TypeAlias = Operation[Any, Any, Any]
