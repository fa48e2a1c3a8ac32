"""Whoever is slow, sends too much or comes too often meets the front, and the API never hears."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from httpx2 import AsyncClient, AsyncHTTPTransport, Response

from infra.native import machine, processes
from infra.native.ports import free_ports
from infra.native.processes import ProcessSpec
from instastream.api.problems import PROBLEMS, Problem
from instastream.client import TIMEOUT_S
from instastream.limits import REQUEST_BYTES_MAX

CONFIG = Path(__file__).parents[2] / "infra/nginx/front.conf"
FAST = {  # as a test can wait for it
    "client_header_timeout 8s": "client_header_timeout 1s",
    "client_body_timeout 8s": "client_body_timeout 1s",
    "limit_conn connections 200": "limit_conn connections 5",
    "worker_processes auto": "worker_processes 1",
}


async def answers(port: int, path: str) -> bool:
    async with AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://127.0.0.1:{port}{path}")).is_success


@asynccontextmanager
async def running(folder: Path, name: str, argv: list[str], port: int) -> AsyncIterator[None]:
    """A process, until it is not needed any more."""
    spec = ProcessSpec(
        name=name,
        argv=argv,
        env={"PATH": ""},
        cwd=folder,
        ready=partial(answers, port, "/ready"),
        url=f"http://127.0.0.1:{port}",
    )
    process = processes.spawn(spec, folder / f"{name}.log")
    try:
        await processes.until_ready(spec, process)
        yield
    finally:
        await processes.stop(process)


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[AsyncClient]:
    """nginx as documented, but faster, before an API."""
    api, port = free_ports(2, ())
    told = CONFIG.read_text()
    changes = FAST | {"127.0.0.1:8000": f"127.0.0.1:{api}", "listen 8080": f"listen {port}"}
    for documented, instead in changes.items():
        assert documented in told
        told = told.replace(documented, instead)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "nginx.conf").write_text(told)
    nginx = [str(machine.program("edge", {})), "-p", str(tmp_path), "-e", "stderr"]
    nginx += ["-c", "nginx.conf", *(["-g", "user root;"] if os.getuid() == 0 else [])]
    async with AsyncExitStack() as stack:
        command = [sys.executable, "-m", "tests.edge.front_world", str(api)]
        await stack.enter_async_context(running(Path.cwd(), "api", command, api))
        await stack.enter_async_context(running(tmp_path, "front", nginx, port))
        yield await stack.enter_async_context(
            AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S, trust_env=False)
        )


async def heard(front: AsyncClient) -> list[str]:
    """What the API was asked, and by whom, but for what these tests ask."""
    told = (await front.get("/heard")).text.splitlines()
    return [line for line in told if line.split()[0] not in ("/ready", "/heard")]


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
    assert await heard(front) == ["/whoever 127.0.0.2"] * 3


async def test_half_a_request_is_not_handed_on(front: AsyncClient) -> None:
    head = b"POST /half HTTP/1.1\r\nHost: x\r\n"
    answers = await asyncio.gather(
        begin(front),
        begin(front, head),
        begin(front, head, b"Content-Length: 9\r\n\r\n{"),
        begin(front, head, b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
    )
    assert not [one for one in answers if one.startswith(b"HTTP/1.1 2")]
    assert await heard(front) == []


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
    assert await heard(front) == ["/fits 127.0.0.1"]


async def test_a_long_head_is_refused(front: AsyncClient) -> None:
    answer = await front.get("/long", headers={"x-long": "a" * 40_000})
    assert answer.status_code == 400
    assert await heard(front) == []


async def test_an_address_has_so_many_connections(front: AsyncClient) -> None:
    head = b"GET /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    answers = await asyncio.gather(*(begin(front, head) for _ in range(8)))
    refused = [one for one in answers if one.startswith(b"HTTP/1.1 429 ")]
    assert 1 <= len(refused) <= 3
    assert all(b"Retry-After: 1" in one for one in refused)


async def test_metrics_are_not_for_the_world(front: AsyncClient) -> None:
    assert (await front.get("/metrics")).status_code == 404
    assert await heard(front) == []
