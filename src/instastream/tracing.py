"""The W3C trace that what runs now belongs to, and where its spans go, if anywhere."""

import re
from collections.abc import Iterable
from contextvars import ContextVar
from random import getrandbits
from typing import Literal, NamedTuple, Protocol, Self, TypeAlias

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

Kind: TypeAlias = Literal["server", "producer", "consumer"]


class Span(NamedTuple):
    """One step of a trace: a request, or an event that is handled. `parent_id` led to it, or ""."""

    trace_id: str
    span_id: str
    parent_id: str
    traceparent: str


class Work:
    """What is done in one span, in a `with`; `told` says whether anybody is told of it."""

    told = False

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent

    def tell(self, name: str, **attributes: str | int) -> None:
        """What it turned out to be. Dots of an attribute's name are double underscores here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """It is over."""


class Tracer(Protocol):
    """Whoever is told of spans."""

    def begin(self, kind: Kind, parent: str, links: Iterable[str]) -> Work:
        """Work under a traceparent, "" for none; a span of its own, which is current meanwhile."""


_current: ContextVar[Span | None] = ContextVar("span", default=None)
_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Tell this one of all spans of this process; None: nobody."""
    global _tracer
    _tracer = tracer


def begin(kind: Kind, parent: str | None = None, links: Iterable[str] = ()) -> Work:
    """Work that some traceparent led to; without one it is a part of what runs now.

    `links` are traceparents that led to it, too.
    """
    if _tracer is not None:
        return _tracer.begin(kind, current_trace() if parent is None else parent, links)
    return Work(current_trace() if parent is None else continue_trace(parent))


def messaging(topic: str) -> dict[str, str]:
    """What OpenTelemetry calls a topic."""
    return {"messaging__system": "kafka", "messaging__destination__name": topic}


def continue_trace(traceparent: str) -> str:
    """Make a new span of the given trace (or of a new one) current, and return it."""
    known = TRACEPARENT.fullmatch(traceparent)
    trace_id, parent_id, flags = known.groups() if known else (f"{getrandbits(128):032x}", "", "01")
    span_id = f"{getrandbits(64):016x}"
    current = f"00-{trace_id}-{span_id}-{flags}"
    _current.set(Span(trace_id, span_id, parent_id, current))
    return current


def current_trace() -> str:
    """The traceparent to send with what is appended or called now."""
    span = _current.get()
    return span.traceparent if span else continue_trace("")


def current_span() -> Span | None:
    """What runs now, where it belongs to a trace yet."""
    return _current.get()


def make_current(span: Span | None) -> Span | None:
    """What runs now is this; returns what was before."""
    before = _current.get()
    _current.set(span)
    return before
