"""A page in Chromium, driven and heard over the DevTools protocol."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.browser.chromium import FLAGS, Browser

# Chromium reads commands from descriptor 3 and writes answers to 4: here both are one socket.
LAUNCH = """
import os, sys
_, ours, *argv = sys.argv
os.dup2(int(ours), 3)
os.dup2(int(ours), 4)
os.execv(argv[0], argv)
"""
MESSAGE_BYTES_MAX = 1 << 26
ANSWER_S = 30  # a page is there in less than one; busy machines are slow


@dataclass
class Page:
    """An empty page at first; `events` is what it told by itself, as (method, parameters)."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    session: str | None = None
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    calls: int = 0

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """One command; what was told meanwhile is kept."""
        self.calls += 1
        call: dict[str, object] = {"id": self.calls, "method": method, "params": params}
        if self.session:
            call["sessionId"] = self.session
        self.writer.write(json.dumps(call).encode() + b"\0")
        while True:
            told = await self._hear()
            if told.get("id") == self.calls:
                assert "error" not in told, told["error"]
                result: dict[str, Any] = told["result"]
                return result

    async def open(self, url: str) -> None:
        """Until everything of it is loaded."""
        await self.call("Page.navigate", url=url)
        while not self.heard("Page.loadEventFired"):
            await self._hear()

    async def evaluate(self, expression: str) -> Any:
        """Its value, as JSON."""
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def heard(self, method: str) -> list[dict[str, Any]]:
        """What was told under this name."""
        return [params for name, params in self.events if name == method]

    async def _hear(self) -> dict[str, Any]:
        async with asyncio.timeout(ANSWER_S):
            told: dict[str, Any] = json.loads((await self.reader.readuntil(b"\0"))[:-1])
        if "method" in told:
            self.events.append((told["method"], told["params"]))
        return told


@asynccontextmanager
async def page_of(browser: Browser, home: Path) -> AsyncIterator[Page]:
    """Its console, errors and requests are heard from the start."""
    ours, theirs = socket.socketpair()
    argv = [str(browser.program), *FLAGS, f"--user-data-dir={home}", "--remote-debugging-pipe"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LD_LIBRARY_PATH": str(browser.libraries)}
    with (home / "chromium.log").open("w") as log, theirs:
        chromium = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", LAUNCH, str(theirs.fileno()), *argv),
            env=env,
            stdout=log,
            stderr=log,
            pass_fds=[theirs.fileno()],
        )
    reader, writer = await asyncio.open_unix_connection(sock=ours, limit=MESSAGE_BYTES_MAX)
    try:
        page = Page(reader, writer)
        target = await page.call("Target.createTarget", url="about:blank")
        told = await page.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page.session = told["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        yield page
    finally:
        writer.close()
        chromium.terminate()
        await chromium.wait()
