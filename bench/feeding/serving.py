"""Runs an ASGI app in a process of its own on one core, and knows what it costs.

`BENCH_PROFILE=/tmp/profile make bench NAME=feed` leaves where its time goes in /tmp/profile.api.
"""

import asyncio
import cProfile
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket

from msgspec import Struct

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
POLL_S = 0.05


class Served(Struct, frozen=True):
    """A process that serves."""

    pid: int
    port: int

    def cpu_s(self) -> float:
        """CPU seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def rss_bytes(self) -> int:
        """What it holds in memory."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def serving(what: str, *, core: int, environ: Mapping[str, str]) -> AsyncIterator[Served]:
    """`hello` or `api`, until it is left."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.feeding.serving", what, str(port), str(core), env=dict(environ)
    )
    try:
        await _until_listening(port, process)
        yield Served(process.pid, port)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_listening(port: int, process: asyncio.subprocess.Process) -> None:
    while process.returncode is None:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(POLL_S)
    raise ChildProcessError(f"it ended with {process.returncode}")


def _free_port() -> int:
    with socket(AF_INET, SOCK_STREAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _serve(what: str, port: int, core: int) -> None:
    from bench.feeding import hello
    from instastream.api.app import create_app
    from instastream.api.server import serve
    from instastream.settings import Settings

    os.sched_setaffinity(0, {core})
    app = hello.app if what == "hello" else create_app(Settings.from_env(os.environ))
    if profile := os.environ.get("BENCH_PROFILE"):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # which uvicorn raises again
        with cProfile.Profile(time.thread_time) as profiler, suppress(SystemExit):
            serve(app, host="127.0.0.1", port=port)
        profiler.dump_stats(f"{profile}.{what}")
    else:
        serve(app, host="127.0.0.1", port=port)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
