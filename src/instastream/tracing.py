"""The W3C trace that what runs now belongs to."""

import re
from contextvars import ContextVar
from random import getrandbits

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})")

_current: ContextVar[str] = ContextVar("traceparent", default="")


def continue_trace(traceparent: str) -> str:
    """Make a new span of the given trace (or of a new one) current, and return it."""
    known = TRACEPARENT.fullmatch(traceparent)
    trace_id, flags = known.groups() if known else (f"{getrandbits(128):032x}", "01")
    current = f"00-{trace_id}-{getrandbits(64):016x}-{flags}"
    _current.set(current)
    return current


def current_trace() -> str:
    """The traceparent to send with what is appended or called now."""
    return _current.get() or continue_trace("")
