"""The whole system on this machine: the servers, what they hold, the API and the workers."""

import asyncio
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from httpx2 import AsyncClient, HTTPError

from infra.native.ports import free_port
from infra.native.process import ProcessSpec
from infra.native.stack import Report, Stack
from infra.provision import provision
from instastream.settings import Settings

WORKERS = ("media", "posts", "feeds", "graph")
PROBE_TIMEOUT_S = 2.0


def home_of(environ: Mapping[str, str]) -> Path:
    """Where everything that runs here keeps its files."""
    return Path(environ.get("INSTASTREAM_HOME") or ".instastream").resolve()


def stack_of(environ: Mapping[str, str], report: Report) -> Stack:
    """What runs, or will run, in that folder."""
    return Stack(home=home_of(environ), environ=environ, report=report)


async def up(stack: Stack, environ: Mapping[str, str]) -> dict[str, str]:
    """Start what is not running yet; returns the environment to use it with."""
    await stack.up()
    own = own_environ(stack, environ)
    stack.report("topics, tables, bucket", 0, 1)
    await provision(Settings.from_env(own))
    stack.report("topics, tables, bucket", 1, 1)
    await asyncio.gather(*(stack.run(spec) for spec in _processes(own)))
    return own


def own_environ(stack: Stack, environ: Mapping[str, str]) -> dict[str, str]:
    """What our own processes, and anyone who works with this system, need to know."""
    keys = _keys(stack.home / "keys.env")
    return {**keys, **stack.environ(), **_given(environ)}


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith("INSTASTREAM_")}


def _keys(path: Path) -> dict[str, str]:
    """The secrets of this system, made when it is first started."""
    if not path.exists():
        lines = [f"{name}={secrets.token_hex(32)}\n" for name in KEYS]
        path.touch(mode=0o600)
        path.write_text("".join(lines))
    return dict(line.split("=") for line in path.read_text().split())
