"""What runs on this machine is asked directly, whatever proxy the environment names."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.native.servers import SERVERS
from instastream.loopback import reach_directly

ASKS = """
import asyncio, os
import streams.media
from instastream.settings import Settings
from instastream.stores.s3 import S3Blobs, open_client

async def ask():
    async with open_client(Settings.from_env(os.environ)) as client:
        await S3Blobs(client, "bucket").ping()

asyncio.run(ask())
"""


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server's address, and what it was asked for."""
    asked: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def test_a_worker_by_fausts_own_command_asks_a_store_on_this_machine_through_no_proxy() -> None:
    given = {f"INSTASTREAM_{name.upper()}": "127.0.0.1:1" for name in SERVERS}
    keys = {f"INSTASTREAM_{name}_KEY": "ab" * 32 for name in ("TOKEN", "MEDIA", "EDGE")}
    keys |= {"AWS_ACCESS_KEY_ID": "access", "AWS_SECRET_ACCESS_KEY": "secret"}
    with listening() as (store, asked), listening() as (proxy, proxied):
        proxies = {"HTTP_PROXY": proxy, "http_proxy": proxy}
        environ = {"PATH": os.defpath, **given, **keys, **proxies, "INSTASTREAM_S3": store}
        subprocess.run([sys.executable, "-c", ASKS], env=environ, check=True, timeout=60)
    assert asked == ["/bucket"]
    assert proxied == []


@pytest.mark.parametrize(
    ("given", "spared"),
    [
        ("", "127.0.0.1,localhost"),
        ("corp.example,localhost", "corp.example,localhost,127.0.0.1"),
        ("127.0.0.1,localhost", "127.0.0.1,localhost"),
        ("*", "*"),
    ],
)
@pytest.mark.parametrize("names", [["NO_PROXY"], ["no_proxy"], ["NO_PROXY", "no_proxy"]])
def test_what_else_is_asked_directly_stays(given: str, spared: str, names: list[str]) -> None:
    environ = dict.fromkeys(names, given)
    reach_directly(environ)
    assert environ == {"NO_PROXY": spared, "no_proxy": spared}
