"""Lines that are logged have one form, name their trace, and show no secret."""

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from instastream import logs
from instastream.errors import Unready
from instastream.limits import LOGGED_LENGTH_MAX
from instastream.tracing import continue_trace

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLERS = f"00-{TRACE}-00f067aa0ba902b7-01"
KEY = "0123456789abcdef" * 4
ENVIRON = {"INSTASTREAM_TOKEN_KEY": KEY, "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG"}

log = logging.getLogger("instastream.somewhere")
Said = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is configured is the process's: as it was before."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    loggers = [logging.getLogger(name) for name in ("", *logs.OURS)]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    logging.captureWarnings(False)
    for logger, level, handlers in before:
        logger.level, logger.handlers = level, handlers


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """What was written since the last time, as JSON lines."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_says_what_where_and_of_which_trace(said: Said) -> None:
    logs.configure(ENVIRON, "feeds")
    continue_trace(CALLERS)
    log.warning("%s waits", "redis", extra={"topic": "media"})
    [line] = said()
    assert line.pop("at").endswith("+00:00")
    assert len(line.pop("span_id")) == 16
    assert line == {
        "level": "WARNING",
        "logger": "instastream.somewhere",
        "message": "redis waits",
        "app": "feeds",
        "topic": "media",
        "trace_id": TRACE,
        "parent_id": "00f067aa0ba902b7",
    }


def test_a_line_about_something_of_another_trace_names_that(said: Said) -> None:
    logs.configure(ENVIRON, "feeds")
    continue_trace("")
    log.error("dead", extra={"trace_id": TRACE})
    [line] = said()
    assert line["trace_id"] == TRACE
    assert "span_id" not in line


def test_an_error_is_one_line_with_its_stack(said: Said) -> None:
    logs.configure(ENVIRON, "api")
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError as error:
        log.error("a mistake\n{}", exc_info=error)
    [line] = said()
    assert line["message"] == "a mistake\n{}"
    assert line["stack"].startswith("Traceback")
    assert line["stack"].endswith("RuntimeError: two\nlines")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln", "Bearer ***"),
        ("GET /b/k?X-Amz-Signature=0a1b2c&x=1", "X-Amz-Signature=***&x=1"),
        ("GET /b/k?X-Amz-Credential=AKIA%2F2026&x=1", "X-Amz-Credential=***&x=1"),
        ("redis://user:s3cret@cache:6379/0 refused", "redis://***@cache:6379/0 refused"),
        ("/instastream/signed/1764255600/dGhlIHRva2Vu/private/a.webp", "/signed/1764255600/***/pr"),
        ('{"password": "a long password"}', '{"password": ***}'),
        ("refresh_token=abc.def&x=1", "refresh_token=***&x=1"),
        (f"bad seed {KEY}!", "bad seed ***!"),
        ("for key wJalrXUtnFEMI/K7MDENG.", "for key ***."),
    ],
)
@pytest.mark.parametrize("form", logs.FORMATS)
def test_no_line_shows_a_secret_whoever_wrote_it(
    form: str, text: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure({**ENVIRON, logs.FORMAT: form}, "api")
    logging.getLogger("some.driver").warning("it said: %s", text)
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        log.error("again", exc_info=error, extra={"detail": text})
    lines = capsys.readouterr().err
    told = shown.replace('"', '\\"') if form == "json" else shown
    assert lines.count(told) == (3 if form == "json" else 2)
    for secret in (
        KEY,
        "wJalrXUtn",
        "s3cret",
        "eyJ",
        "0a1b2c",
        "AKIA",
        "dGhl",
        "abc.def",
        "a long",
    ):
        assert secret not in lines


@pytest.mark.parametrize("shown", [1, len(KEY) - 1])
@pytest.mark.parametrize("beyond", ["", "y" * 1_000_000])
def test_no_part_of_a_secret_is_shown_where_a_long_text_is_cut_in_it(
    shown: int, beyond: str, said: Said
) -> None:
    logs.configure(ENVIRON, "api")
    kept = "x" * (LOGGED_LENGTH_MAX - shown)
    log.error(kept + KEY + beyond, exc_info=(ValueError, ValueError(beyond + KEY + kept), None))
    [line] = said()
    for text in (line["message"], line["stack"]):
        assert len(text) >= LOGGED_LENGTH_MAX - len(KEY)
        assert not {KEY[0], KEY[-1]} & {*text}


def test_of_two_secrets_that_begin_alike_no_end_is_shown(said: Said) -> None:
    logs.configure({"A_KEY": KEY[:32], "B_KEY": KEY, "C_KEY": KEY[:16]}, "api")
    log.error(KEY)
    [line] = said()
    assert line["message"] == "***"


def test_what_is_no_secret_is_shown(said: Said) -> None:
    logs.configure({"INSTASTREAM_TOKEN_KEY": "", "SHORT_KEY": "a"}, "api")
    log.warning("https://a.example/media/1/thumb.webp by ada@example, a key=uploads/1/2")
    [line] = said()
    assert (
        line["message"] == "https://a.example/media/1/thumb.webp by ada@example, a key=uploads/1/2"
    )


@pytest.mark.parametrize("form", logs.FORMATS)
def test_what_a_client_sent_can_not_drive_a_terminal(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure({logs.FORMAT: form}, "api")
    log.warning("GET /\x1b[2J\x9b\r\x00\nERROR: nothing works")
    [line] = capsys.readouterr().err.splitlines()
    assert line.isprintable()


@pytest.mark.parametrize(("length", "kept"), [(-1, -1), (0, 0), (1, 0)])
def test_a_text_has_a_largest_length(length: int, kept: int, said: Said) -> None:
    logs.configure({}, "api")
    log.warning("%s", "x" * (LOGGED_LENGTH_MAX + length))
    [line] = said()
    assert len(line["message"]) == LOGGED_LENGTH_MAX + kept


def test_of_a_long_stack_its_end_is_kept(said: Said) -> None:
    logs.configure({}, "api")
    try:
        raise RuntimeError("x" * LOGGED_LENGTH_MAX + "the end")
    except RuntimeError as error:
        log.error("long", exc_info=error)
    [line] = said()
    assert line["stack"].endswith("the end")
    assert len(line["stack"]) == LOGGED_LENGTH_MAX


def test_info_is_ours_and_not_that_of_libraries(said: Said) -> None:
    logs.configure({logs.LEVEL: "info"}, "api")
    logging.getLogger("aiokafka").info("a partition moved")
    log.debug("a detail")
    log.info("handled")
    assert [line["message"] for line in said()] == ["handled"]


def test_by_itself_only_what_somebody_should_know_is_said(said: Said) -> None:
    logs.configure({}, "api")
    log.info("handled")
    log.warning("waits")
    assert [line["message"] for line in said()] == ["waits"]


def test_what_ends_a_process_is_said_as_everything_else_is(said: Said) -> None:
    logs.configure({}, "api")
    error = Unready("INSTASTREAM_KAFKA is not set")
    sys.excepthook(Unready, error, None)
    [line] = said()
    assert "INSTASTREAM_KAFKA is not set" in line["message"]


def test_what_ends_a_thread_is_said_as_everything_else_is(said: Said) -> None:
    logs.configure({}, "api")
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    [line] = said()
    assert line["message"] == "ended by ZeroDivisionError('division by zero')"


def test_warnings_of_python_are_said_as_everything_else_is(said: Said) -> None:
    logs.configure({}, "api")
    logging.getLogger("py.warnings").warning("deprecated")
    assert [line["logger"] for line in said()] == ["py.warnings"]


@pytest.mark.parametrize("name", [logs.LEVEL, logs.FORMAT])
def test_a_setting_that_can_not_be_is_named(name: str) -> None:
    with pytest.raises(Unready, match=f"{name} must be one of "):
        logs.configure({name: "loud"}, "api")
