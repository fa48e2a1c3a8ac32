"""A Redis Cluster on loopback: three nodes of the server that `instastream up` runs."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError

from infra.native.machine import program
from infra.native.ports import free_ports

NODES = 3
SLOTS = 16_384
WAIT_S = 30.0
POLL_S = 0.05


@contextmanager
def running_cluster(folder: Path) -> Iterator[str]:
    """Its URL, once every node knows who answers for which slot."""
    ports = free_ports(2 * NODES, ())
    listening, buses = ports[:NODES], ports[NODES:]
    nodes = [_start(folder, port, bus) for port, bus in zip(listening, buses, strict=True)]
    try:
        _join(listening, buses)
        yield f"redis+cluster://127.0.0.1:{listening[0]}"
    finally:
        for node in nodes:
            node.kill()
            node.wait()


def _start(folder: Path, port: int, bus: int) -> "subprocess.Popen[bytes]":
    home = folder / str(port)
    home.mkdir()
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "cluster-enabled": "yes",
        "cluster-port": str(bus),
        "cluster-node-timeout": "5000",
        "save": "",
        "logfile": str(home / "log"),
        "dir": str(home),
    }
    argv = [str(program("redis", os.environ))]
    for name, value in options.items():
        argv += [f"--{name}", value]
    return subprocess.Popen(argv)


def _join(ports: list[int], buses: list[int]) -> None:
    """Each node takes its part of the slots, and meets the first."""
    for number, port in enumerate(ports):
        with Redis(port=port) as node:
            _until(node.ping)
            first, last = number * SLOTS // NODES, (number + 1) * SLOTS // NODES - 1
            node.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
            node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            node.execute_command("CLUSTER MEET", "127.0.0.1", ports[0], buses[0])
    for port in ports:
        with Redis(port=port) as node:
            _until(partial(_is_whole, node))


def _is_whole(node: Redis) -> bool:
    """Whether a node knows who has every slot."""
    said: dict[str, str] = node.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]
    return said["cluster_state"] == "ok"


def _until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with suppress(ConnectionError):
            if condition():
                return
        time.sleep(POLL_S)
    raise AssertionError("no cluster in time")
