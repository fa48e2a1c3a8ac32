"""The command lines of benches: what each says of itself, and what it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHES = (
    "comments",
    "demo",
    "edge",
    "engagement",
    "fanout",
    "feed",
    "graphs",
    "load",
    "recovery",
    "replay",
    "variants",
    "video",
    "visible",
    "worker",
)


def run(name: str, argument: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", f"bench.{name}", argument]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_that_is_asked_for_help_measures_nothing(name: str) -> None:
    asked = run(name, "--help")
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.startswith("usage:")


def test_a_folder_of_photographs_that_is_not_there_is_named() -> None:
    assert "There is no folder /not/there." in run("variants", "/not/there").stderr
