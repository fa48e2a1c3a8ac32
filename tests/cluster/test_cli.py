"""The command line: JSON, one sentence for what is wrong, and workers by either command."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from contextlib import suppress
from pathlib import Path

import pytest
from httpx2 import AsyncClient, HTTPError

from infra import local
from infra.native import ports
from infra.native.servers import SERVERS
from infra.native.state import read_state
from tests.cluster.conftest import System, eventually

BINARIES = Path(sys.executable).parent
STOP_S = 15
GIVEN = {f"INSTASTREAM_{name.upper()}": "127.0.0.1:1" for name in SERVERS}


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`instastream ARGV`, outside of a terminal."""
    return subprocess.run(
        [BINARIES / "instastream", *argv],
        env={"PATH": os.defpath, "HOME": os.environ["HOME"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_status_is_json_for_machines(system: System) -> None:
    done = run("status", "--json", **system.environ)
    states = {row["name"]: row["state"] for row in json.loads(done.stdout)}
    assert states["api"] == states["media"] == "running"
    assert states["kafka"] in ("running", "given")


def test_counters_are_audited_and_proved(system: System) -> None:
    done = run("counts", "audit", "--sample", "5", "--seed", "7", "--json", **system.environ)
    assert done.returncode == 0, done.stderr
    audited = json.loads(done.stdout)
    assert (audited["audit"]["drift"], audited["proof"]["differences"]) == ([], [])
    assert audited["seed"] == 7
    assert "recounting: done" in done.stderr


def test_env_connects_a_shell(system: System) -> None:
    done = run("env", INSTASTREAM_HOME=system.environ["INSTASTREAM_HOME"])
    script = f"{done.stdout}\necho $INSTASTREAM_API"
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == system.environ["INSTASTREAM_API"]


@pytest.mark.parametrize(
    ("argv", "environ", "sentence"),
    [
        (["worker", "mdeia"], {}, "there is no worker 'mdeia': choose one of media, video"),
        (["bench", "nothing"], {}, "there is no bench 'nothing': choose one of comments, "),
        (["counts", "audit", "--post", "ada"], {}, "'ada' is not an id of this API"),
        (["env"], {}, "kafka was not started in"),
        (["api"], GIVEN, "INSTASTREAM_TOKEN_KEY is not set"),
        (["up"], {"INSTASTREAM_KAFKA_PORT": "x"}, "INSTASTREAM_KAFKA_PORT must be a number"),
        (["up"], {"INSTASTREAM_NAMESPACE": "A b"}, "INSTASTREAM_NAMESPACE may hold lower-case"),
        (["up"], {"INSTASTREAM_JAVA": "/no/java"}, "INSTASTREAM_JAVA=/no/java does not run"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    tmp_path: Path, argv: list[str], environ: dict[str, str], sentence: str
) -> None:
    done = run(*argv, INSTASTREAM_HOME=str(tmp_path), **environ)
    assert done.returncode == 1
    assert sentence in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    state = read_state(tmp_path)
    assert state is None or not state.processes


async def test_a_worker_stops_also_while_kafka_is_down(system: System) -> None:
    spec = local.worker("graph", system.environ, called="graph-2")
    await system.stack.run(spec)
    [pid] = [row.pid for row in system.stack.status() if row.name == "graph-2"]
    assert pid
    system.kill("kafka")
    try:
        os.kill(pid, signal.SIGTERM)

        async def ended() -> bool:
            return "graph-2" not in {row.name for row in system.stack.status() if row.pid}

        await eventually(ended, "the worker stopped")
    finally:
        await system.start("kafka")
        await system.stack.stop("graph-2")


@pytest.mark.parametrize(
    "argv", [["instastream", "worker", "posts"], ["faust", "-A", "streams.posts", "worker"]]
)
async def test_a_worker_starts_by_either_command_and_stops_at_ctrl_c(
    system: System, argv: list[str]
) -> None:
    [port] = ports.free_ports(1, taken=())
    environ = {"PATH": os.defpath, **system.environ, "INSTASTREAM_METRICS_PORT": str(port)}
    worker = await asyncio.create_subprocess_exec(
        BINARIES / argv[0], *argv[1:], env=environ, stdout=DEVNULL, stderr=DEVNULL
    )

    async def ready() -> bool:
        assert worker.returncode is None, "it ended"
        async with AsyncClient() as http:
            try:
                metrics = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
            except HTTPError:
                return False
        return 'instastream_ready{app="posts"} 1.0' in metrics

    try:
        await eventually(ready, "the worker ready")
        worker.send_signal(signal.SIGINT)
        async with asyncio.timeout(STOP_S):
            assert await worker.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            worker.kill()
