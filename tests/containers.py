"""The servers in containers, where a Docker engine answers; the same compose file as for people."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.models.containers import Container
from testcontainers.compose import DockerCompose

ROOT = Path(__file__).parent.parent
SERVERS = ("kafka", "cassandra", "redis", "s3", "edge")
POLL_S = 0.2


def engine_answers() -> bool:
    """Whether containers can run here."""
    asked = ["docker", "compose", "ls"]
    if shutil.which("docker") is None:
        return False
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


class Containers:
    """The running containers of `compose.kafka.yml`, by service."""

    def __init__(self, compose: DockerCompose) -> None:
        self._compose = compose
        self._engine = docker.from_env()

    def kill(self, service: str) -> None:
        """SIGKILL, without warning."""
        self._container(service).kill()

    async def start(self, service: str) -> None:
        """Start it again; returns when it is healthy."""
        container = self._container(service)
        container.start()
        while container.health != "healthy":
            await asyncio.sleep(POLL_S)
            container.reload()

    def _container(self, service: str) -> Container:
        return self._engine.containers.get(self._compose.get_container(service).ID or service)


@contextmanager
def running_containers() -> Iterator[Containers]:
    """Every service, healthy; removed with what it kept afterwards."""
    with DockerCompose(ROOT, "compose.kafka.yml", wait=True) as compose:
        yield Containers(compose)


def environ() -> dict[str, str]:
    """How clients reach them: what `infra/compose.env` exports."""
    lines = (ROOT / "infra/compose.env").read_text().split("\n")
    exports = (line.removeprefix("export ").partition("=") for line in lines if line)
    return {name: value for name, _, value in exports}
