"""The W3C trace that what runs now belongs to."""

import re
import secrets
from contextvars import ContextVar

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})")

_current: ContextVar[str] = ContextVar("traceparent", default="")


def continue_trace(traceparent: str) -> str:
    """Make a new span of the given trace (or of a new one) current, and return it."""
    known = TRACEPARENT.fullmatch(traceparent)
    trace_id, flags = known.groups() if known else (secrets.token_hex(16), "01")
    current = f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"
    _current.set(current)
    return current


def current_trace() -> str:
    """The traceparent to send with what is appended or called now."""
    return _current.get() or continue_trace("")
