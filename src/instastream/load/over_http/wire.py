"""HTTP/1.1 as a generator needs it: few instructions a request, so that what is asked is measured.

The parser is httptools', as the API's own. A connection carries one request at a time.
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

import msgspec
from httptools import HttpParserError, HttpResponseParser
from msgspec import Struct

from instastream.limits import MEBIBYTE
from instastream.load.over_http.targets import check_target

ANSWER_BYTES_MAX = 64 * MEBIBYTE  # a page of posts has 100 kB, a whole image 25 MB
HEAD_BYTES_MAX = MEBIBYTE // 4  # servers allow themselves a tenth
CONNECT_S = 5.0
SCHEME_LENGTH = len("https://")  # no path begins before that

Json: TypeAlias = Any
Headers: TypeAlias = Mapping[str, str]


class Lost(Exception):
    """No answer, or one that is not HTTP: what was asked may have happened."""


class Answer(Struct, frozen=True):
    """What a server answered; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Json:
        """What the body says; raises Lost where it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Lost(f"an answer that is not JSON: {self.body[:100]!r}") from error


class Connection(asyncio.Protocol):
    """One connection to one server."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[Answer] | None = None
        self._begin()
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(f"an answer that is not HTTP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"the connection broke: {error or 'closed by the server'}")

    async def ask(self, request: bytes, *, timeout_s: float) -> Answer:
        """Send one request and wait for its whole answer; raises Lost."""
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        late = loop.call_later(timeout_s, self._fail, f"no answer within {timeout_s:g} s")
        self._transport.write(request)
        try:
            return await self._waiting
        finally:
            late.cancel()
            if self._waiting.cancelled():
                self.close()  # else the next request would get this one's answer
            self._waiting = None

    def close(self) -> None:
        """Whatever was asked goes unanswered."""
        self.is_open = False
        self._transport.close()

    # What httptools calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value)
        if self._head_size > HEAD_BYTES_MAX:
            self._fail("an answer without end")
        else:
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > ANSWER_BYTES_MAX:
            self._fail("an answer without end")
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        parser = self._parser
        if parser.get_status_code() < 200:  # 100 Continue and the like
            self._headers.clear()
            return
        answer = Answer(parser.get_status_code(), self._headers, b"".join(self._body))
        if not parser.should_keep_alive():
            self.close()
        self._begin()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(answer)

    def _begin(self) -> None:
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head_size = self._size = 0

    def _fail(self, why: str) -> None:
        self.close()
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(Lost(why))


class Origin:
    """A server's address, and the connections that are kept to it: the latest used first."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self._netloc = parts.netloc.rpartition("@")[2]
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: list[Connection] = []

    async def ask(
        self, method: str, target: str, headers: Headers, body: bytes, *, timeout_s: float
    ) -> Answer:
        """One request; raises Lost, of which nobody knows whether it happened."""
        request = self._request(method, target, headers, body)
        connection = await self._connection()
        answer = await connection.ask(request, timeout_s=timeout_s)
        if connection.is_open:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                _, made = await loop.create_connection(
                    Connection, self.host, self.port, ssl=self._tls
                )
        except (OSError, TimeoutError) as error:
            why = str(error) or f"no connection within {CONNECT_S:g} s"
            raise Lost(f"{self._netloc} can't be reached: {why}") from error
        return made

    def _request(self, method: str, target: str, headers: Headers, body: bytes) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"host: {self._netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method in ("POST", "PUT", "PATCH"):
            lines.append(f"content-length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Web:
    """Every origin that is asked, by its address: what a system names may be anywhere."""

    def __init__(self, *, is_owned: bool = False) -> None:
        """Only this machine is asked, unless everything that is named `is_owned`."""
        self._is_owned = is_owned
        self._origins: dict[str, Origin] = {}

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Headers | None = None,
        body: bytes = b"",
        timeout_s: float,
    ) -> Answer:
        """As Origin.ask, of whole URLs; raises Unready where one may not be asked."""
        at = url.find("/", SCHEME_LENGTH)
        root, target = (url, "/") if at < 0 else (url[:at], url[at:])
        origin = self._origins.get(root)
        if origin is None:
            origin = self._origins[root] = Origin(check_target(root, is_owned=self._is_owned))
        return await origin.ask(method, target, headers or {}, body, timeout_s=timeout_s)

    def close(self) -> None:
        """Close what is idle everywhere."""
        for origin in self._origins.values():
            with suppress(RuntimeError):  # of a loop that is closed already
                origin.close()
