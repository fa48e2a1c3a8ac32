"""The servers, started once a run; a namespace of its own for everything a run makes."""

import asyncio
import os
import signal
from collections.abc import Iterator
from secrets import token_hex

import hypothesis
import pytest
from prometheus_client import REGISTRY

from infra import local
from infra.native.stack import Stack
from infra.provision import provision
from instastream.settings import Settings
from tests import containers
from tests.containers import Containers

PULL_FROM, PUSH_BELOW = 60_000, 59_990  # followers: few people cross both

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

IN_MEMORY = Settings(
    kafka="memory",
    cassandra="memory",
    redis="memory",
    s3="memory",
    edge="http://edge.test",
    token_key=bytes(32),
    media_key=bytes(32),
    edge_key=bytes(32),
)


def pytest_configure() -> None:
    """A run that is told to end stops its servers first, as after Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_report_header() -> str:
    """Say what the tests run on."""
    if "INSTASTREAM_KAFKA" in os.environ:
        return "servers: those that the environment names"
    if containers.engine_answers():
        return "servers: containers of compose.kafka.yml, by testcontainers"
    return "servers: native processes (no Docker engine answers)"


@pytest.fixture(scope="session")
def docker() -> Iterator[Containers | None]:
    """The servers in containers, where an engine answers and no server is named."""
    if "INSTASTREAM_KAFKA" in os.environ or not containers.engine_answers():
        yield None
        return
    with containers.running_containers() as running:
        yield running


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory, docker: Containers | None) -> dict[str, str]:
    """A folder and a namespace that only this run uses, and the servers that run already."""
    return {
        **os.environ,
        **(containers.environ() if docker else {}),
        "INSTASTREAM_HOME": str(tmp_path_factory.mktemp("home")),
        "INSTASTREAM_NAMESPACE": f"t{token_hex(4)}",
        "INSTASTREAM_LOG_LEVEL": "info",
        "INSTASTREAM_MEDIA_GRACE_S": "2",
        "INSTASTREAM_PULL_FROM": str(PULL_FROM),
        "INSTASTREAM_PUSH_BELOW": str(PUSH_BELOW),
    }


@pytest.fixture(scope="session")
def stack(given: dict[str, str]) -> Iterator[Stack]:
    """Native servers, unless they are given; and our own processes later."""
    stack = local.stack_of(given, report)
    local.prepare(given)
    try:
        asyncio.run(stack.up())
        yield stack
    finally:
        asyncio.run(stack.down())


@pytest.fixture(scope="session")
def environ(given: dict[str, str], stack: Stack) -> dict[str, str]:
    """What connects to the servers."""
    return local.connect(given, stack)


@pytest.fixture(scope="session")
def settings(environ: dict[str, str]) -> Settings:
    """Topics, tables and a bucket that only this run uses."""
    settings = Settings.from_env(environ)
    asyncio.run(provision(settings))
    return settings


def measured(name: str, **labels: str) -> float:
    """What a metric of this process stands at, 0 before its first time."""
    return REGISTRY.get_sample_value(f"instastream_{name}", labels) or 0.0


def report(step: str, done: int, total: int) -> None:
    """The test runner shows progress enough."""
