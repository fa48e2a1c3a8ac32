"""A check asks the servers behind an API where they are known, and else says what it leaves out."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra import local
from instastream import shell
from instastream.errors import Unready
from instastream.load.checks import checking
from instastream.load.checks.histories import Entry, writing
from instastream.load.checks.violations import OF_SERVERS, Violation
from instastream.load.reporting.reports import Report, read
from instastream.load.reporting.spreads import Sample
from instastream.load_cli import trial
from instastream.load_cli.results import check
from instastream.load_cli.run import run_scenario
from instastream.load_cli.target import own_target, target_of
from instastream.settings import Settings
from tests.unit.load.runs import measured_minute, report_of

HERE, ELSEWHERE = "http://127.0.0.1:8000", "http://127.0.0.1:9000"
KEYS = {f"INSTASTREAM_{name}_KEY": "ab" * 32 for name in ("TOKEN", "MEDIA", "EDGE")}
NAMED = {name: f"there-{name}" for name in local.SERVERS} | KEYS
RUNNING = {name: f"here-{name}" for name in local.SERVERS} | KEYS | {local.API: HERE}
LEFT_OUT = "not checked: dead-letter, lag, lost-media, orphan, as INSTASTREAM_KAFKA is not set"


@pytest.fixture(autouse=True)
def nothing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(local.OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv(local.HOME, str(tmp_path / "home"))


def name(monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str]) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)


def without_kafka(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name != "INSTASTREAM_KAFKA"}


def run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "environ", lambda: RUNNING)


def kafka_of(settings: Settings | None) -> str:
    assert settings
    return settings.kafka


def test_what_runs_in_the_folder_is_known_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run_here(monkeypatch)
    for target in (own_target(is_owned=False), target_of(f"{HERE}/", is_owned=False)):
        assert (target.api, target.is_here) == (HERE, True)
        assert kafka_of(target.settings) == "here-INSTASTREAM_KAFKA"
        assert (target.unchecked, target.caveat) == ({}, "")


def test_what_runs_elsewhere_has_the_servers_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_here(monkeypatch)
    name(monkeypatch, NAMED)
    target = target_of(ELSEWHERE, is_owned=False)
    assert kafka_of(target.settings) == "there-INSTASTREAM_KAFKA"
    assert (target.is_here, target.unchecked, target.caveat) == (False, {}, "")


def test_the_servers_of_the_folder_are_not_those_of_another_api(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_here(monkeypatch)
    name(monkeypatch, without_kafka(NAMED))
    target = target_of(ELSEWHERE, is_owned=False)
    assert target.settings is None
    assert target.unchecked == dict.fromkeys(OF_SERVERS, "INSTASTREAM_KAFKA is not set")
    assert target.caveat.startswith(LEFT_OUT)


def test_whoever_names_the_servers_and_no_keys_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    name(monkeypatch, {one: value for one, value in NAMED.items() if one not in KEYS})
    with pytest.raises(Unready, match="INSTASTREAM_TOKEN_KEY is not set"):
        target_of(ELSEWHERE, is_owned=False)


def test_the_docs_say_which_rules_need_servers() -> None:
    told = (Path(__file__).parents[3] / "docs/load-testing.md").read_text()
    assert set(re.findall(r"^\| `([\w-]+)` \* \|", told, re.MULTILINE)) == OF_SERVERS


class Checked:
    """A check that finds nothing; `kafka` is whom it asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kafka: list[str | None] = []
        monkeypatch.setattr(checking, "check", self)
        monkeypatch.setattr(trial, "check", self)

    async def __call__(
        self, history: Iterable[Entry], *, settings: Settings | None, **_: object
    ) -> list[Violation]:
        list(history)
        self.kafka.append(settings.kafka if settings else None)
        return []


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Checked:
    return Checked(monkeypatch)


def history(folder: Path) -> Path:
    header = Entry(phase="header", at_ms=0, version=2, api=ELSEWHERE)
    with writing(folder / "load.0.jsonl", header, now_ms=lambda: 1.0):
        return folder


def test_a_check_asks_the_servers_that_are_named(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    checked: Checked,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name(monkeypatch, NAMED)
    check(history(tmp_path))
    assert checked.kafka == ["there-INSTASTREAM_KAFKA"]
    told = capsys.readouterr()
    assert "All was right" in told.out
    assert "not checked" not in told.err


def test_a_check_says_what_it_left_out(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    checked: Checked,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name(monkeypatch, without_kafka(NAMED))
    check(history(tmp_path))
    assert checked.kafka == [None]
    told = capsys.readouterr()
    assert "All that was checked was right" in told.out
    assert LEFT_OUT in told.err


class Unsampled:
    """Samples nothing; `asked` is of whom it could have been, and of how many processes."""

    asked: list[Any]
    lag: Mapping[str, int] = {}

    def __init__(self, pids: Mapping[str, int], settings: Settings | None) -> None:
        Unsampled.asked = [dict(pids), settings.kafka if settings else None]

    async def __aenter__(self) -> "Unsampled":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def sample(self) -> Sample:
        return Sample()


def loaded(monkeypatch: pytest.MonkeyPatch, out: Path) -> Report:
    """The report of a run against an API elsewhere."""

    async def run(*_: object, **__: object) -> Report:
        return report_of(measured_minute(), violations=None)

    monkeypatch.setattr(trial, "run", run)
    monkeypatch.setattr(trial, "Sampler", Unsampled)
    monkeypatch.setattr(trial, "_pids", lambda: {"api": 1})
    run_scenario("smoke", api=ELSEWHERE, out=out)
    return read(out / trial.NUMBERS)


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(trial, "read", lambda folder: [])
    return tmp_path / "run"


def test_a_run_asks_the_servers_that_are_named_and_nobody_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
    out: Path,
    checked: Checked,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name(monkeypatch, NAMED)
    report = loaded(monkeypatch, out)
    assert checked.kafka == ["there-INSTASTREAM_KAFKA"]
    assert Unsampled.asked == [{}, "there-INSTASTREAM_KAFKA"]
    assert (report.violations, report.unchecked) == ([], {})
    assert "every promise was kept" in (out / trial.PAGE).read_text()
    assert "not checked" not in capsys.readouterr().err


def test_a_run_says_what_it_left_out_on_the_terminal_and_in_its_report(
    monkeypatch: pytest.MonkeyPatch,
    out: Path,
    checked: Checked,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name(monkeypatch, without_kafka(NAMED))
    report = loaded(monkeypatch, out)
    assert checked.kafka == [None]
    assert report.unchecked == dict.fromkeys(OF_SERVERS, "INSTASTREAM_KAFKA is not set")
    assert json.loads((out / trial.NUMBERS).read_text())["unchecked"].keys() == OF_SERVERS
    page = (out / trial.PAGE).read_text()
    assert "not everything was checked" in page
    assert "every promise was kept" not in page
    told = capsys.readouterr()
    assert "All that was checked was right" in told.out
    assert LEFT_OUT in told.err
