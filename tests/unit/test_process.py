"""A signal stops a command once, in order, with one word; those that repeat it change nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

STOPS_SLOWLY = """
import asyncio, sys
from instastream.process import complete, run

async def work():
    asyncio.create_task(stumble())
    print("begun", flush=True)
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.5)
        print("tidied up", flush=True)

async def stumble():
    while True:
        await asyncio.sleep(0)

run(lambda: complete(work()))
"""
LOADS_SLOWLY = """
import sys, types, time
from importlib.machinery import ModuleSpec
from instastream.program import main

class Slow:
    def find_spec(self, name, path, target=None):
        if name == "instastream.cli":
            print("begun", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Slow())
main()
"""


def stopped_by(script: str, *signals: signal.Signals) -> tuple[int, str, str]:
    """Exit status, and what was said on standard output and error after "begun"."""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={"PATH": os.defpath},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    for one in signals:
        process.send_signal(one)
    out, error = process.communicate(timeout=30)
    return process.returncode, out, error


@pytest.mark.parametrize(
    "signals",
    [
        [signal.SIGINT],
        [signal.SIGTERM],
        [signal.SIGHUP],
        [signal.SIGINT, signal.SIGTERM, signal.SIGINT],
        [signal.SIGTERM, signal.SIGINT],
    ],
    ids=lambda signals: "+".join(one.name for one in signals),
)
def test_work_is_tidied_up_however_often_it_is_stopped(signals: list[signal.Signals]) -> None:
    assert stopped_by(STOPS_SLOWLY, *signals) == (130, "tidied up\n", "stopped\n")


def test_whoever_stops_the_program_while_it_loads_sees_no_traceback() -> None:
    assert stopped_by(LOADS_SLOWLY, signal.SIGINT) == (-signal.SIGINT, "", "")


def test_whoever_stops_a_worker_while_it_loads_sees_no_traceback(tmp_path: Path) -> None:
    slow = "import time\nprint('begun', flush=True)\ntime.sleep(60)\n"
    (tmp_path / "slow.py").write_text(slow)
    script = f"""
import runpy, sys
sys.path.insert(0, {str(tmp_path)!r})
sys.argv = ["streams", "-A", "slow", "worker"]
runpy.run_module("streams", run_name="__main__", alter_sys=True)
"""
    assert stopped_by(script, signal.SIGINT) == (-signal.SIGINT, "", "")
