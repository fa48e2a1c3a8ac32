"""HTTP as generators speak it, with servers that behave and servers that don't."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from instastream.errors import Unready
from instastream.load.over_http import wire
from instastream.load.over_http.asking import understood
from instastream.load.over_http.wire import ANSWER_BYTES_MAX, Answer, Json, Lost, Web

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answering) -> AsyncIterator[str]:
    """A server's address; it answers each connection in its own way."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def always(*answers: bytes) -> Answering:
    """One after another to what one connection asks."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for one in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(one)
            await writer.drain()

    return answer


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-One: 1\r\n\r\n{}"


async def test_an_answer_has_its_status_headers_and_body() -> None:
    async with serving(always(OK)) as url:
        answer = await Web().ask("GET", f"{url}/a", timeout_s=5)
    assert (answer.status, answer.headers["x-one"], answer.json()) == (200, "1", {})


async def test_what_is_asked_arrives_as_it_was_said() -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        seen.append(await reader.readexactly(4))
        writer.write(OK)

    async with serving(answer) as url:
        await Web().ask("POST", f"{url}/a?b=c", headers={"x": "y"}, body=b"body", timeout_s=5)
    head, body = seen
    assert head.startswith(b"POST /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:")
    assert head.endswith(b"\r\nx: y\r\ncontent-length: 4\r\n\r\n")
    assert body == b"body"


async def test_a_connection_is_used_again_and_one_that_broke_is_not() -> None:
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await always(OK, OK.replace(b"200 OK", b"204 No").replace(b"2\r\n", b"0\r\n")[:-2])(
            reader, writer
        )

    web = Web()
    async with serving(answer) as url:
        statuses = [(await web.ask("GET", url, timeout_s=5)).status for _ in range(2)]
        await asyncio.sleep(0.05)  # until it is heard that the server closed it
        statuses.append((await web.ask("GET", url, timeout_s=5)).status)
    web.close()
    assert statuses == [200, 204, 200]
    assert connections == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (always(b"garbage\r\n\r\n"), "not HTTP"),
        (always(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), "the connection broke"),
        (always(b""), "the connection broke"),
        (
            always(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
            "not HTTP",
        ),
    ],
)
async def test_what_is_no_answer_is_lost(answer: Answering, said: str) -> None:
    async with serving(answer) as url:
        with pytest.raises(Lost, match=said):
            await Web().ask("GET", url, timeout_s=5)


async def test_an_answer_that_does_not_come_is_given_up_and_never_mistaken_for_the_next() -> None:
    late = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if late.is_set():
            writer.write(OK.replace(b"X-One: 1", b"X-One: 2"))
        else:
            await late.wait()
            writer.write(OK)
        await writer.drain()

    web = Web()
    async with serving(answer) as url:
        with pytest.raises(Lost, match="no answer within"):
            await web.ask("GET", url, timeout_s=0.05)
        late.set()
        assert (await web.ask("GET", url, timeout_s=5)).headers["x-one"] == "2"


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (2 * ANSWER_BYTES_MAX), bytes(1 << 20)),
        (b"HTTP/1.1 200 OK\r\n", b"a-header: " + b"a" * 1_000 + b"\r\n"),
    ],
    ids=["body", "head"],
)
async def test_an_answer_without_end_is_lost(begin: bytes, more: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begin)
        while True:
            writer.write(more)
            await writer.drain()

    async with serving(answer) as url:
        with pytest.raises(Lost, match="an answer without end"):
            await Web().ask("GET", url, timeout_s=60)


async def test_a_server_that_is_not_there_is_said() -> None:
    async with serving(always(OK)) as url:
        pass
    with pytest.raises(Lost, match="can't be reached"):
        await Web().ask("GET", url, timeout_s=5)


async def test_two_schemes_are_two_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CONNECT_S", 0.2)
    web = Web()
    async with serving(always(OK, OK)) as url:
        assert (await web.ask("GET", url, timeout_s=5)).status == 200
        with pytest.raises(Lost, match="can't be reached"):
            await web.ask("GET", url.replace("http:", "https:"), timeout_s=5)
    web.close()


@pytest.mark.parametrize("body", [b"{{", b"[" * 100_000], ids=["broken", "too deep"])
async def test_a_body_that_is_not_json_is_lost(body: bytes) -> None:
    with pytest.raises(Lost, match="not JSON"):
        Answer(200, {}, body).json()


async def test_another_machine_is_asked_for_its_owner_only() -> None:
    url = "http://192.0.2.1:9/where/an/upload/goes"  # documentation's: nobody's
    with pytest.raises(Unready, match=r"192\.0\.2\.1 is not this machine"):
        await Web().ask("PUT", url, timeout_s=5)


@pytest.mark.parametrize(
    "read",
    [
        lambda answer: answer["id"],
        lambda answer: answer["posts"][0],
        lambda answer: float(answer["until"]),
        lambda answer: answer["name"].items(),
    ],
)
def test_an_answer_of_another_shape_is_lost(read: Callable[[Json], object]) -> None:
    with pytest.raises(Lost, match="not the API's"), understood():
        read({"posts": [], "until": "tomorrow", "name": "a"})
