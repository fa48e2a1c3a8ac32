"""Asks whether anything that requirements.lock names is known to be vulnerable: `make check` does.

Fails where something is. Where nobody can tell, without a network, it says so and fails nothing.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from time import gmtime, strftime
from typing import Any

import msgspec
from rich.text import Text

from instastream.process import say

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
ASKED = ROOT / ".venv/instastream.audit"  # what was asked last, and on which day
ANSWER_S = 10  # of one package; the first that is not told in time ends it
AUDIT_S = 240  # of some 150 packages
UNREACHED = re.compile("connect|connection|timeout|timed out|HTTPError|ServiceError|SSLError", re.I)

# Advisories that do not concern us, each with the reason, such as "GHSA-...": "we parse no XML".
ACCEPTED: Mapping[str, str] = {}

Run = Callable[[str], tuple[int, str, str]]  # of a lock's text: exit code, output, errors


class Unanswered(Exception):
    """Nobody could tell."""


class Broken(Exception):
    """The audit itself does not work."""


def vulnerable(lock: str, run: Run) -> list[str]:
    """Each vulnerability in a line; raises Unanswered and Broken.

    The first package is asked about alone: where nothing is told of it, nobody is asked 150 times.
    """
    first, *_ = re.split(r"\n(?=\S)", lock, maxsplit=1)
    audited(f"{first}\n", run)
    return audited(lock, run)


def audited(lock: str, run: Run) -> list[str]:
    """Those of one lock."""
    code, told, errors = run(lock)
    try:
        packages: list[dict[str, Any]] = msgspec.json.decode(told)["dependencies"]
    except (msgspec.DecodeError, KeyError, TypeError):
        last = (errors.strip().splitlines() or [f"exit code {code}"])[-1]
        raise (Unanswered if UNREACHED.search(errors) else Broken)(last) from None
    found = list(_found(packages))
    unknown = [one["name"] for one in packages if "skip_reason" in one]
    if unknown and not found:
        raise Unanswered(f"whoever is asked knows nothing of {unknown[0]}")
    return found


def _found(packages: list[dict[str, Any]]) -> Iterator[str]:
    for package in packages:
        for one in package.get("vulns", []):
            if not ACCEPTED.keys() & {one["id"], *one["aliases"]}:
                fixed = ", ".join(one["fix_versions"]) or "no version"
                yield f"{package['name']} {package['version']}: {one['id']}, fixed in {fixed}"


def pip_audit(lock: str) -> tuple[int, str, str]:
    """The tool, on a lock as it is: nothing is resolved or installed."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", "/dev/stdin"]
    options = ["--require-hashes", "--disable-pip", "--format", "json", "--desc", "off"]
    quietly = ["--aliases", "on", "--progress-spinner", "off", "--timeout", str(ANSWER_S)]
    try:
        done = subprocess.run(
            [*command, *options, *quietly],
            input=lock,
            capture_output=True,
            text=True,
            timeout=AUDIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unanswered(f"no answer within {AUDIT_S} s") from error
    return done.returncode, done.stdout, done.stderr


def audit(run: Run = pip_audit, asked: Path = ASKED) -> int:
    """The exit code of `make audit`. The same lock is asked about once a day."""
    lock = LOCK.read_text()
    today = f"{sha256(lock.encode()).hexdigest()} {strftime('%Y-%m-%d', gmtime())}"
    if asked.exists() and asked.read_text() == today:
        return 0
    try:
        found = vulnerable(lock, run)
    except Unanswered as error:
        say(Text.assemble("dependencies are ", ("not audited", "yellow"), f": {error}"))
        return 0
    except Broken as error:
        say(f"dependencies can't be audited: {error}")
        return 1
    for line in found:
        say(Text.assemble(("vulnerable:", "red"), f" {line}"))
    if not found:
        asked.write_text(today)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(audit())
