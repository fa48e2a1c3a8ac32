"""A run of the tests that is told to end stops the servers that it started, as after Ctrl-C."""

import subprocess
import sys
import time
from pathlib import Path

from tests.containers import ROOT

ENDLESS = """
import time
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def server():
    yield
    Path("stopped").touch()


def test_that_does_not_end(server):
    Path("begun").touch()
    time.sleep(60)
"""


def test_a_run_that_is_told_to_end_stops_its_servers(tmp_path: Path) -> None:
    (tmp_path / "test_endless.py").write_text(ENDLESS)
    run = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "test_endless.py"]
    with subprocess.Popen(run, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}) as running:
        while not (tmp_path / "begun").exists():
            assert running.poll() is None
            time.sleep(0.05)
        running.terminate()
    assert (tmp_path / "stopped").exists()
