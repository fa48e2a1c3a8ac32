"""The launcher: its own servers and given ones, ports, processes of ours, and what it refuses."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from infra.native.processes import ProcessSpec
from infra.native.servers import SERVERS
from infra.native.stack import Stack
from infra.native.state import read_state
from instastream.errors import Unready
from instastream.steps import ignore
from tests.cluster.native.conftest import (
    BUCKET,
    bare_environ,
    has_ended,
    pids,
    write_s3,
)


async def test_down_twice_is_down(tmp_path: Path, stack: Stack) -> None:
    other = Stack(tmp_path, environ=bare_environ() | given_by(stack, "redis"), report=ignore)
    await other.up()
    for _ in range(2):
        await other.down()
    assert {row.state for row in other.status()} == {"given", "stopped"}


def given_by(stack: Stack, *but: str) -> dict[str, str]:
    variables = {f"INSTASTREAM_{name.upper()}" for name in but}
    return {name: value for name, value in stack.environ().items() if name not in variables}


async def test_a_given_server_is_neither_started_nor_stopped(tmp_path: Path, stack: Stack) -> None:
    before = pids(stack)
    other = Stack(tmp_path, environ=bare_environ() | given_by(stack), report=ignore)
    assert await other.up() == stack.endpoints
    await other.down()
    assert not read_state(tmp_path).processes  # type: ignore[union-attr]
    assert pids(stack) == before


async def test_a_given_server_that_is_not_there_is_named(tmp_path: Path, stack: Stack) -> None:
    environ = (
        bare_environ() | given_by(stack) | {"INSTASTREAM_REDIS": "redis://:secret@127.0.0.1:9"}
    )
    with pytest.raises(Unready, match=r"127\.0\.0\.1:9, which INSTASTREAM_REDIS names") as raised:
        await Stack(tmp_path, environ=environ, report=ignore).up()
    assert "secret" not in str(raised.value)


async def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path, stack: Stack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        environ = bare_environ() | given_by(stack, "redis") | {"INSTASTREAM_REDIS_PORT": port}
        with pytest.raises(Unready, match=f"^port {port} of redis is taken [^\n]*$"):
            await Stack(tmp_path, environ=environ, report=ignore).up()


async def test_a_configured_port_is_used(tmp_path: Path, stack: Stack) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = bare_environ() | given_by(stack, "edge") | {"INSTASTREAM_EDGE_PORT": str(port)}
    other = Stack(tmp_path, environ=environ, report=ignore)
    try:
        assert (await other.up()).edge == f"http://127.0.0.1:{port}"
        moved = environ | {"INSTASTREAM_EDGE_PORT": str(port + 1)}
        with pytest.raises(Unready, match=f"edge runs on port {port}: run `instastream down`"):
            await Stack(tmp_path, environ=moved, report=ignore).up()
    finally:
        await other.down()


def test_nothing_listens_beyond_loopback(stack: Stack) -> None:
    ours = {inode for row in stack.status() if row.pid for inode in socket_inodes(row.pid)}
    listening = [
        fields[1].split(":")[0]
        for table in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A" and fields[9] in ours
    ]
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}  # the second: Java's, over IPv6
    assert len(listening) >= len(SERVERS)
    assert set(listening) <= loopback


def socket_inodes(pid: int) -> set[str]:
    links = map(target, Path(f"/proc/{pid}/fd").iterdir())
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def target(link: Path) -> str:
    with suppress(FileNotFoundError):  # closed meanwhile
        return str(link.readlink())
    return ""


def test_keys_are_for_the_owner_only(home: Path) -> None:
    assert (home / "stack.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700


async def test_workers_of_a_killed_edge_do_not_keep_its_port(stack: Stack) -> None:
    master = pids(stack)["edge"]
    assert master
    os.kill(master, signal.SIGKILL)  # not by the launcher, which would kill its workers too
    await stack.up()
    assert pids(stack)["edge"] not in (None, master)


async def test_our_own_processes_outlive_the_launcher_that_started_them(
    home: Path, stack: Stack, tmp_path: Path
) -> None:
    code = f"""
import asyncio
from pathlib import Path
from infra.native.processes import ProcessSpec
from infra.native.stack import Stack
async def ready(): return True
spec = ProcessSpec(
    name="own", argv=["sleep", "600"], env={{"PATH": "/bin:/usr/bin"}}, cwd=Path("/"), ready=ready
)
asyncio.run(Stack(Path({str(home)!r}), environ={{}}, report=lambda *step: None).run(spec))
"""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=True)
    row = next(row for row in stack.status() if row.name == "own")
    assert (row.state, row.log) == ("running", str(home / "logs" / "own.log"))
    await stack.stop("own")
    assert "own" not in pids(stack)
    assert row.pid
    assert has_ended(row.pid)


async def test_our_own_process_is_killed_and_started_again(stack: Stack, tmp_path: Path) -> None:
    async def ready() -> bool:
        return (tmp_path / "ready").exists()

    spec = ProcessSpec(
        name="own",
        argv=["/bin/sh", "-c", "touch ready; exec sleep 600"],
        env={"PATH": os.defpath},
        cwd=tmp_path,
        ready=ready,
    )
    await stack.run(spec)
    first = pids(stack)["own"]
    await stack.run(spec)
    assert pids(stack)["own"] == first
    stack.kill("own")
    assert next(row.state for row in stack.status() if row.name == "own") == "died"
    await stack.start("own")
    assert pids(stack)["own"] not in (None, first)
    await stack.stop("own")


async def test_a_server_that_cannot_start_shows_why(tmp_path: Path, stack: Stack) -> None:
    environ = bare_environ() | given_by(stack, "redis")
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "dump.rdb").write_text("not a dump\n")
    with pytest.raises(Unready, match=r"(?s)redis ended while starting; .*/logs/redis\.log .*DB"):
        await Stack(tmp_path, environ=environ, report=ignore).up()


@pytest.mark.parametrize("part", ["filer.port", "volume.port"])
async def test_nobody_gets_around_the_object_stores_keys(
    home: Path, stack: Stack, part: str
) -> None:
    await write_s3(stack.endpoints)
    state = read_state(home)
    assert state
    base = f"http://127.0.0.1:{state.ports['s3'][part]}"
    key = f"/buckets/{BUCKET}/uploads/1/it" if part == "filer.port" else "/1,01637037d6"
    async with AsyncClient() as http:
        for response in (await http.get(base + key), await http.put(base + key, content=b"x")):
            assert response.status_code == 401, response.request.method
