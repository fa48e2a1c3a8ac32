"""How the API and the workers say what they do: in lines of JSON, or of text on a terminal.

Each line names the trace that it belongs to. None shows a secret, whoever wrote it.
"""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from instastream.errors import Unready
from instastream.limits import LOGGED_LENGTH_MAX
from instastream.tracing import current_span

LEVEL, FORMAT = "INSTASTREAM_LOG_LEVEL", "INSTASTREAM_LOG_FORMAT"
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("json", "text")
OURS = ("instastream", "streams", "uvicorn", "faust", "mode")  # libraries' news is none of `info`
SECRET_LENGTH_MIN = 8  # what is shorter is in words
SECRET_LENGTH_MAX = 4_000  # a token of three parts, each of a thousand, and more
LOOKED_AT_MAX = LOGGED_LENGTH_MAX + SECRET_LENGTH_MAX  # so that none is cut unseen
SECRETS = re.compile(r"(KEY|KEY_ID|SECRET|TOKEN|PASSWORD|HEADERS)$")  # variables that hold one

HIDDEN = "***"
# What stands before a secret, and the secret: wherever a library puts it into its message.
SHOWN_SECRETS = re.compile(
    r"""(?P<named>
        bearer\s+
      | x-amz-(?:signature|credential)=
      | (?:password|secret|token)["']?\s*[=:]\s*
    )(?:"[^"]*"|'[^']*'|[^\s&"',;]+)
    | (?P<link>/signed/[0-9]+/)[^\s/"']+
    | (?P<url>://)[^\s/@]+(?=@)
    | \beyJ[\w-]{2,1000}\.[\w-]{2,1000}\.[\w-]{2,1000}""",
    re.IGNORECASE | re.VERBOSE,
)
# What nobody but us writes: nothing is looked for in it.
OURS_ALWAYS = {"level", "logger", "app", "topic", "route", "trace_id", "span_id", "parent_id"}
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # without the end of a line


def configure(environ: Mapping[str, str], app: str) -> None:
    """Have everything that this process logs go to standard error, in one form.

    Raises Unready where the environment asks for what can't be.
    """
    form = _chosen(environ, FORMAT, FORMATS) or ("text" if sys.stderr.isatty() else "json")
    level = _chosen(environ, LEVEL, LEVELS) or "warning"
    logging.basicConfig(handlers=[handler_of(environ, app, form)], force=True)
    set_level(level)
    logging.captureWarnings(True)
    sys.excepthook = _told
    threading.excepthook = lambda args: _told(args[0], args[1] or args[0](), args[2])


def handler_of(environ: Mapping[str, str], app: str, form: str) -> logging.Handler:
    """What writes lines of a form to standard error."""
    hide = Hiding(environ)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(app, hide) if form == "json" else TextLines(hide))
    handler.addFilter(belongs)
    return handler


def set_level(named: str) -> None:
    """Say what is as important as that; `info` of libraries only where they serve or run ours."""
    level = logging.getLevelNamesMapping().get(named.upper(), logging.CRITICAL)
    logging.getLogger().setLevel(logging.WARNING if level == logging.INFO else level)
    for name in OURS:
        logging.getLogger(name).setLevel(level)


def _chosen(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    chosen = environ.get(name, "").lower()
    if chosen and chosen not in choices:
        raise Unready(f"{name} must be one of {', '.join(choices)}")
    return chosen


def _told(kind: type[BaseException], error: BaseException, stack: TracebackType | None) -> None:
    """What ends this process, or a thread of it, is said as everything else is."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, stack)
    else:
        info = (kind, error, stack)
        logging.getLogger("instastream").critical("ended by %r", error, exc_info=info)


def belongs(record: logging.LogRecord) -> bool:
    """Names the trace in a record, unless it is about something of another."""
    span = current_span()
    if span and getattr(record, "trace_id", span.trace_id) == span.trace_id:
        record.trace_id, record.span_id, record.parent_id = span[:3]
    return True


class Hiding:
    """Takes out of a text what nobody must read: by how it looks, and what the environment holds.

    What is left is cut to its first `LOGGED_LENGTH_MAX` characters, or for a stack its last.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        values = {value for name, value in environ.items() if SECRETS.search(name)}
        long = [value for value in values if len(value) >= SECRET_LENGTH_MIN]
        known = sorted(long, key=len, reverse=True)  # one may be the beginning of another
        self._known = re.compile("|".join(map(re.escape, known)) or r"(?!)")

    def __call__(self, text: str, *, last: bool = False) -> str:
        part = text[-LOOKED_AT_MAX:] if last else text[:LOOKED_AT_MAX]
        shown = SHOWN_SECRETS.sub(_without_secret, self._known.sub(HIDDEN, part))
        if len(text) > LOOKED_AT_MAX:  # this cut may go through a secret, too
            shown = shown[SECRET_LENGTH_MAX:] if last else shown[:-SECRET_LENGTH_MAX]
        return shown[-LOGGED_LENGTH_MAX:] if last else shown[:LOGGED_LENGTH_MAX]


def _without_secret(found: re.Match[str]) -> str:
    return (found["named"] or found["link"] or found["url"] or "") + HIDDEN


class JsonLines(JsonFormatter):
    """A record as one line of ASCII: nothing that it quotes can end it, or drive a terminal."""

    def __init__(self, app: str, hide: Hiding) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "stack"},
            static_fields={"app": app},
            reserved_attrs=[*RESERVED_ATTRS, "color_message"],  # uvicorn's, for terminals
            timestamp="at",
        )
        self._hide = hide

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {name: self._shown(name, value) for name, value in log_data.items()}

    def _shown(self, name: str, value: object) -> object:
        if isinstance(value, str) and name not in OURS_ALWAYS:
            return self._hide(value, last=name == "stack")
        return value


class TextLines(logging.Formatter):
    """A record for people: one line, and a stack in lines after it."""

    def __init__(self, hide: Hiding) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._hide = hide

    def formatMessage(self, record: logging.LogRecord) -> str:
        trace = getattr(record, "trace_id", None)
        line = self._hide(super().formatMessage(record)).replace("\n", "\\n")
        return line + (f" [trace {trace}]" if trace else "")

    def formatException(self, ei: Any) -> str:
        return self._hide(super().formatException(ei), last=True)

    def format(self, record: logging.LogRecord) -> str:
        return CONTROL.sub(lambda one: repr(one[0])[1:-1], super().format(record))
