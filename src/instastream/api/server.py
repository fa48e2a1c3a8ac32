"""How the API is served: by uvicorn, with bounds on how much and how long a request may take."""

import asyncio
import math
import sys
from collections.abc import Sequence
from socket import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from instastream.api.stream import ABORT
from instastream.garbage import collect_rarely
from instastream.limits import REQUEST_HEAD_BYTES_MAX, REQUEST_S_MAX
from instastream.settings import Network

KEEP_ALIVE_S = 75  # longer than load balancers': a request must not meet a connection that we close

NOT_STARTED = 3  # as uvicorn's own command says it


def serve(app: ASGIApp, *, host: str, port: int, fronts: Sequence[Network] = ()) -> None:
    """Serve until SIGINT or SIGTERM; X-Forwarded-For counts where a front sends it."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=BoundedProtocol,
        timeout_keep_alive=KEEP_ALIVE_S,
        log_config=None,  # see logs.py
        server_header=False,
        proxy_headers=bool(fronts),
        forwarded_allow_ips=[str(front) for front in fronts],
        access_log=False,
    )
    collect_rarely()
    server = EndingServer(config)
    server.run()
    if not server.started:
        sys.exit(NOT_STARTED)


class EndingServer(uvicorn.Server):
    """Ends streams first when it stops: it waits for every request, and they have no end."""

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        state = getattr(self.config.app, "state", None)
        if streams := getattr(state, "streams", None):
            await streams.close()
        await super().shutdown(sockets)


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is closed when a request is too slow, or has too much beside its body.

    That is its head, what frames its chunks, and its trailers: the parser keeps all of it, and
    nothing else bounds it.
    """

    _other_bytes = 0  # of the request that arrives now, beside its body
    _body_bytes = 0  # in the bytes received last
    _in_request = False
    _completed = False  # a request, by the bytes received last: what follows it is the next one's
    _expected_s = math.inf  # when a request has to be here whole, by the loop's clock
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        self._completed, self._body_bytes = False, 0
        super().data_received(data)
        if self._in_request and not self._completed:
            self._other_bytes += len(data) - self._body_bytes
            if self._other_bytes > REQUEST_HEAD_BYTES_MAX:
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[ABORT] = self.transport.abort  # type: ignore[literal-required]
        self._in_request, self._other_bytes = True, 0
        self._expect_request()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_request, self._completed = False, True
        self._expected_s = math.inf

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch:
            self._watch.cancel()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        """One timer a connection, which looks again later: requests come far more often."""
        self._expected_s = self.loop.time() + REQUEST_S_MAX
        if self._watch is None:
            self._watch = self.loop.call_at(self._expected_s, self._look)

    def _look(self) -> None:
        self._watch = None
        if self._expected_s <= self.loop.time():
            self.transport.close()
        elif self._expected_s < math.inf:
            self._watch = self.loop.call_at(self._expected_s, self._look)
