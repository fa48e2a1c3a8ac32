"""The whole system, running: real servers, the API and every worker as processes of their own."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from secrets import token_hex

import pytest
import pytest_asyncio
from httpx2 import AsyncClient

from infra import local
from infra.native.stack import Stack
from instastream.client import TIMEOUT_S, Client, Json
from instastream.load.scenario.media import with_comment
from instastream.settings import Settings
from tests.containers import SERVERS, Containers

WAIT_S = 180.0  # a worker that stands still begins anew within two minutes
POLL_S = 0.05
LINES, LINE_LENGTH_MAX = 5, 300  # of each log, where a test failed
SMALL, LARGE = (
    files("instastream.photos").joinpath(name).read_bytes()
    for name in ("drum.jpg", "dandelions.jpg")
)  # 0.1 and 0.6 CPU seconds to render


@dataclass(frozen=True)
class System:
    """What runs, and how to reach it."""

    stack: Stack
    docker: Containers | None
    environ: dict[str, str]
    settings: Settings
    http: AsyncClient

    def kill(self, name: str) -> None:
        """SIGKILL a server or a process of ours."""
        self._runs(name).kill(name)

    def log(self, name: str) -> str:
        """What a process of ours has said."""
        return next(Path(row.log).read_text() for row in self.stack.status() if row.name == name)

    def told(self) -> str:
        """What runs, and what each process said last."""
        rows = [(row.name, row.state, Path(row.log)) for row in self.stack.status() if row.log]
        return "\n".join(f"{name}: {state}\n{_last(log)}" for name, state, log in rows)

    async def start(self, name: str) -> None:
        """Start it again; returns when it is ready."""
        await self._runs(name).start(name)

    def _runs(self, name: str) -> Stack | Containers:
        return self.docker if self.docker and name in SERVERS else self.stack

    async def join(self, name: str) -> Client:
        """A new user with a warm, empty feed."""
        user = await Client.joined(self.http, f"{name}_{token_hex(4)}", "a long password")
        await user.feed()
        return user


def _last(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"  {line[:LINE_LENGTH_MAX]}" for line in lines[-LINES:])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside what failed, what the processes said."""
    report = yield
    system = getattr(item, "funcargs", {}).get("system")
    if report.failed and system:
        report.sections.append(("what runs", system.told()))
    return report


@pytest.fixture(scope="session")
def running(environ: dict[str, str], stack: Stack, settings: Settings) -> dict[str, str]:
    """The API and the workers, in the namespace of this run."""
    asyncio.run(local.start_processes(environ, stack))
    return environ


@pytest_asyncio.fixture(scope="session")
async def system(
    running: dict[str, str], stack: Stack, docker: Containers | None, settings: Settings
) -> AsyncIterator[System]:
    async with AsyncClient(base_url=running["INSTASTREAM_API"], timeout=TIMEOUT_S) as http:
        yield System(stack, docker, running, settings, http)


def photo(jpeg: bytes = SMALL) -> bytes:
    """A photograph that there never was: the same pixels behind a JPEG comment of its own."""
    return with_comment(jpeg, token_hex(8))


async def post(author: Client, content: bytes) -> Json:
    """Something uploaded and finalized."""
    uploaded = await author.upload(content, "image/jpeg")
    return await author.finalize(uploaded.media_id, caption="")


@asynccontextmanager
async def app(name: str, system: System, folder: Path) -> AsyncIterator[Process]:
    """A stream app of the tests runs, told of a folder by its name; there is its `log`."""
    program = [sys.executable, "-m", "streams", "-A", f"tests.cluster.{name}", "worker"]
    environ = {**os.environ, **system.environ, name.upper(): str(folder)}
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *program, env=environ, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        await process.wait()


async def eventually(
    condition: Callable[[], Awaitable[bool]],
    what: str,
    tell: Callable[[], Awaitable[str]] | None = None,
) -> None:
    """Wait until it holds; when it does not, fail with what there is to tell."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not await condition():
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        more = f"\n{await tell()}" if tell else ""
        raise AssertionError(f"not within {WAIT_S:g} s: {what}{more}") from None
