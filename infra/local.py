"""The whole system on this machine: the servers, what they hold, the API and the workers."""

import asyncio
import json
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
KEYS = ("INSTASTREAM_TOKEN_KEY", "INSTASTREAM_MEDIA_KEY")
PROBE_TIMEOUT_S = 2.0


def home_of(environ: Mapping[str, str]) -> Path:
    """Where everything that runs here keeps its files."""
    return Path(environ.get("INSTASTREAM_HOME") or ".instastream").resolve()


async def up(environ: Mapping[str, str], report: Report) -> dict[str, str]:
    """Start what is not running yet; returns the environment that its clients need."""
    stack = Stack(home_of(environ), environ=environ, report=report)
    await stack.up()
    own = environment(stack, environ)
    report("topics, tables, bucket", 0, 1)
    await provision(Settings.from_env(own))
    report("topics, tables, bucket", 1, 1)
    await asyncio.gather(*(stack.run(spec) for spec in _processes(stack, own)))
    return own
