"""Whoever is slow, sends too much or comes too often meets the front, and the API never hears."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import pytest_asyncio
from httpx2 import AsyncClient, AsyncHTTPTransport, Response

from infra.native import machine, processes
from infra.native.ports import free_ports
from infra.native.processes import ProcessSpec
from instastream.api.problems import PROBLEMS, Problem
from instastream.client import TIMEOUT_S
from instastream.limits import REQUEST_BYTES_MAX

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "infra/nginx/front.conf"
FAST = {  # as a test can wait for it
    "client_header_timeout 8s": "client_header_timeout 1s",
    "client_body_timeout 8s": "client_body_timeout 1s",
    "limit_conn connections 200": "limit_conn connections 5",
    "worker_processes auto": "worker_processes 1",
}


async def answers(port: int) -> bool:
    async with AsyncClient(trust_env=False) as http:
        return bool((await http.get(f"http://127.0.0.1:{port}/ready")).status_code)


@asynccontextmanager
async def running(
    folder: Path, name: str, argv: list[str], port: int, *, cwd: Path | None = None
) -> AsyncIterator[None]:
    """A process, until it is not needed any more."""
    spec = ProcessSpec(
        name=name,
        argv=argv,
        env={"PATH": ""},
        cwd=cwd or folder,
        ready=partial(answers, port),
        url=f"http://127.0.0.1:{port}",
    )
    process = processes.spawn(spec, folder / f"{name}.log")
    try:
        await processes.until_ready(spec, process)
        yield
    finally:
        await processes.stop(process)


@asynccontextmanager
async def fronting(folder: Path, api: int) -> AsyncIterator[AsyncClient]:
    """nginx as documented, but faster, before whatever is at a port."""
    [port] = free_ports(1, (api,))
    told = CONFIG.read_text()
    changes = FAST | {"127.0.0.1:8000": f"127.0.0.1:{api}", "listen 8080": f"listen {port}"}
    for documented, instead in changes.items():
        assert documented in told
        told = told.replace(documented, instead)
    (folder / "tmp").mkdir()
    (folder / "nginx.conf").write_text(told)
    nginx = [str(machine.program("edge", {})), "-p", str(folder), "-e", "stderr"]
    nginx += ["-c", "nginx.conf", *(["-g", "user root;"] if os.getuid() == 0 else [])]
    url = f"http://127.0.0.1:{port}"
    async with (
        running(folder, "front", nginx, port),
        AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False) as http,
    ):
        yield http


@pytest_asyncio.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsyncClient]:
    """Before an API; every test asks for a path of its own."""
    folder = tmp_path_factory.mktemp("front")
    [api] = free_ports(1, ())
    command = [sys.executable, "-m", "tests.edge.front_world", str(api)]
    async with running(folder, "api", command, api, cwd=ROOT), fronting(folder, api) as http:
        yield http


async def heard(front: AsyncClient, path: str) -> list[str]:
    """From where the API was asked for this."""
    told = (line.split() for line in (await front.get("/heard")).text.splitlines())
    return [host for asked, host in told if asked == path]


async def begin(front: AsyncClient, *parts: bytes) -> bytes:
    """What is answered to a request of which no more comes than this."""
    at = urlsplit(str(front.base_url))
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await reader.read(10_000)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def check(answer: Response, slug: str) -> None:
    """It is a problem as the API would tell it."""
    told = msgspec.json.decode(answer.content, type=Problem)
    assert told.type == f"/problems/{slug}"
    assert (told.status, told.title) == (PROBLEMS[slug].status, PROBLEMS[slug].title)
    assert answer.status_code == told.status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_client_is_known_by_its_address_whatever_it_says(front: AsyncClient) -> None:
    other = AsyncHTTPTransport(local_address="127.0.0.2")
    async with AsyncClient(base_url=front.base_url, transport=other) as http:
        for said in ({}, {"x-forwarded-for": "192.0.2.7"}, {"x-forwarded-for": "127.0.0.1, ::1"}):
            await http.get("/whoever", headers=said)
    assert await heard(front, "/whoever") == ["127.0.0.2"] * 3


async def test_half_a_request_is_not_handed_on(front: AsyncClient) -> None:
    head = b"POST /half HTTP/1.1\r\nHost: x\r\n"
    answers = await asyncio.gather(
        begin(front),
        begin(front, head),
        begin(front, head, b"Content-Length: 9\r\n\r\n{"),
        begin(front, head, b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
    )
    assert not [one for one in answers if one.startswith(b"HTTP/1.1 2")]
    assert await heard(front, "/half") == []


async def test_a_giant_body_is_refused_by_what_it_declares_and_by_what_comes(
    front: AsyncClient,
) -> None:
    large = b" " * (REQUEST_BYTES_MAX + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield large

    for content in (large, chunks()):
        check(await front.post("/large", content=content), "request-too-large")
    giant = b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    assert (await begin(front, giant)).startswith(b"HTTP/1.1 413 ")
    assert (await front.post("/fits", content=large[1:])).status_code == 200
    assert await heard(front, "/large") == []
    assert await heard(front, "/fits") == ["127.0.0.1"]


async def test_a_long_head_is_refused(front: AsyncClient) -> None:
    answer = await front.get("/long", headers={"x-long": "a" * 40_000})
    assert answer.status_code == 400
    assert await heard(front, "/long") == []


async def test_an_address_has_so_many_connections(front: AsyncClient) -> None:
    head = b"GET /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    answers = await asyncio.gather(*(begin(front, head) for _ in range(8)))
    refused = [one for one in answers if one.startswith(b"HTTP/1.1 429 ")]
    assert 1 <= len(refused) <= 3
    assert all(b"Retry-After: 1" in one for one in refused)


async def test_metrics_are_not_for_the_world(front: AsyncClient) -> None:
    assert (await front.get("/metrics")).status_code == 404
    assert await heard(front, "/metrics") == []


async def test_an_api_that_is_away_is_said_to_be_so(tmp_path: Path) -> None:
    async with fronting(tmp_path, free_ports(1, ())[0]) as http:
        answer = await http.get("/v1/feed")
    check(answer, "unavailable")
    assert answer.headers["retry-after"] == "2"
