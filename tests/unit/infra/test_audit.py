"""A vulnerable dependency fails the check, and a missing network does not."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra import audit
from infra.audit import Run

SAFE = {"name": "redis", "version": "8.1.0", "vulns": []}
FLAW = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["8.1.1"]}
VULNERABLE = SAFE | {"vulns": [FLAW]}


def telling(*packages: dict[str, Any], code: int = 0) -> Run:
    return lambda lock: (code, json.dumps({"dependencies": packages, "fixes": []}), "")


def failing(errors: str) -> Run:
    return lambda lock: (1, "", errors)


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    return tmp_path / "asked"


def test_what_is_known_to_be_vulnerable_fails(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.audit(telling(SAFE, VULNERABLE, code=1), asked) == 1
    assert "redis 8.1.0: PYSEC-2026-1, fixed in 8.1.1" in capsys.readouterr().err
    assert audit.audit(telling(VULNERABLE, code=1), asked) == 1, "until it is fixed"


@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-1"])
def test_what_is_accepted_by_any_of_its_names_is_not_told(
    asked: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(audit, "ACCEPTED", {name: "we do not do that"})
    assert audit.audit(telling(VULNERABLE, code=1), asked) == 0


def test_the_same_lock_is_asked_about_once_a_day(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert audit.audit(telling(SAFE), asked) == 0
    assert audit.audit(telling(VULNERABLE, code=1), asked) == 0
    monkeypatch.setattr(audit, "strftime", lambda *_: "tomorrow")
    assert audit.audit(telling(VULNERABLE, code=1), asked) == 1


@pytest.mark.parametrize(
    "errors",
    [
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed\n"
        "ERROR:pip_audit._cli:Tip: your network may be blocking this service.",
        "Traceback (most recent call last):\nrequests.exceptions.ConnectionError: HTTPSConnection",
        "Traceback (most recent call last):\nrequests.exceptions.ReadTimeout: timed out",
        "pip_audit._service.interface.ServiceError",
    ],
)
def test_without_a_network_nothing_fails_and_it_is_said(
    asked: Path, capsys: pytest.CaptureFixture[str], errors: str
) -> None:
    assert audit.audit(failing(errors), asked) == 0
    assert "not audited" in capsys.readouterr().err
    assert not asked.exists()


def test_what_the_database_does_not_know_is_not_called_safe(
    asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = {"name": "redis", "skip_reason": "Dependency not found on PyPI"}
    assert audit.audit(telling(SAFE, unknown), asked) == 0
    assert "not audited: whoever is asked knows nothing of redis" in capsys.readouterr().err
    assert not asked.exists()


def test_what_is_found_is_told_whatever_else_is_not_known(asked: Path) -> None:
    unknown = {"name": "kafka", "skip_reason": "Dependency not found on PyPI"}
    assert audit.audit(telling(unknown, VULNERABLE, code=1), asked) == 1


def test_whoever_knows_nothing_of_the_first_package_is_not_asked_about_the_others(
    asked: Path,
) -> None:
    locks = []

    def run(lock: str) -> tuple[int, str, str]:
        locks.append(lock)
        return telling(SAFE | {"skip_reason": "not found"})(lock)

    audit.audit(run, asked)
    [lock] = locks
    assert lock.count("==") == 1
    assert lock in audit.LOCK.read_text()


def test_an_audit_that_does_not_work_fails(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.audit(failing("No module named pip_audit"), asked) == 1
    assert "No module named pip_audit" in capsys.readouterr().err


def test_nobody_waits_for_ever(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(*_: object, **options: Any) -> None:
        raise subprocess.TimeoutExpired("pip-audit", options["timeout"])

    monkeypatch.setattr(subprocess, "run", hangs)
    assert audit.audit(asked=asked) == 0
