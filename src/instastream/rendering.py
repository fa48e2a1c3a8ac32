"""A pool of processes that decode hostile photographs: what breaks one fails its job and no other.

Run as a program this module is one of those processes. They are never forked from one that has
loaded libvips, see no secret in their environment, and die with their pool.
"""

import asyncio
import ctypes
import os
import resource
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from traceback import format_exc

import msgspec
from msgspec import Struct

from instastream.errors import Corrupt, Unavailable
from instastream.limits import MEBIBYTE
from instastream.media import Rendering

JOB_S_MAX = 20.0  # the slowest 100 megapixels measured, a 10-bit AVIF with alpha, takes 5 CPU s
START_S_MAX = 60.0  # 0.2 s on an idle machine
MEMORY_BYTES_MAX = 2304 * MEBIBYTE  # address space: that AVIF takes 2,033 MiB, JPEGs up to 900
REPLY_BYTES_MAX = 64 * MEBIBYTE  # the widest variants at their tallest, encoded badly

WORKER = ("-P", "-m", "instastream.rendering")
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    "MALLOC_ARENA_MAX": "1",  # spare arenas would count against the address space
    "VIPS_WARNING": "0",  # hostile files must not fill the log
}
READY = b"\n"
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Done(Struct, frozen=True, tag=True):
    """A worker's answer: all that the photograph becomes."""

    rendering: Rendering


class Refusal(Struct, frozen=True, tag=True):
    """A worker's answer: there can be none."""

    reason: str
    message: str


class Trouble(Struct, frozen=True, tag=True):
    """A worker's answer: a bug of ours or of this machine, and no fault of the photograph."""

    message: str


Reply = Done | Refusal | Trouble
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class RenderPool:
    """Renders as many photographs at once as there are cores; processes start when first needed."""

    def __init__(
        self,
        *,
        size: int | None = None,
        job_s_max: float = JOB_S_MAX,
        worker: Sequence[str] = WORKER,
    ) -> None:
        self._size = size or os.cpu_count() or 1
        self._job_s_max = job_s_max
        self._worker = worker
        self._closed = False
        self._alive: set[Process] = set()
        self._slots: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()
        for _ in range(self._size):
            self._slots.put_nowait(None)

    async def __aenter__(self) -> "RenderPool":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def render(self, content: bytes) -> Rendering:
        """All that the photograph becomes; waits for a free process.

        Raises Corrupt when there can be none, Unavailable when this machine could not try, and
        RuntimeError for a bug. A process that dies may have been killed for another's memory:
        only a photograph that breaks two is to blame.
        """
        for last in (False, True):
            try:
                return _rendered(await self._attempt(content))
            except TimeoutError as error:
                if last:
                    message = "The image takes too long to decode."
                    raise Corrupt("render-timeout", message) from error
            except (EOFError, ConnectionError, msgspec.DecodeError) as error:
                if self._closed:
                    raise Unavailable("the render pool", "closed") from error
                if last:
                    raise Corrupt("render-crashed", "The image breaks its decoder.") from error
            except OSError as error:
                raise Unavailable("the render pool", error) from error
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, content: bytes) -> Reply:
        async with self._free_worker() as worker, asyncio.timeout(self._job_s_max):
            with _in_memory(content) as path:
                return await _ask(worker, path)

    async def aclose(self) -> None:
        """End every process; jobs under way fail as Unavailable."""
        self._closed = True
        for worker in self._alive:
            _kill(worker)
        for slot in [await self._slots.get() for _ in range(self._size)]:
            if slot:
                await self._bury(slot)
            self._slots.put_nowait(None)

    @asynccontextmanager
    async def _free_worker(self) -> AsyncIterator[Process]:
        worker = await self._slots.get()
        try:
            if self._closed:
                raise Unavailable("the render pool", "closed")
            if worker is None or worker.returncode is not None:
                worker = await self._start()
            yield worker
        except BaseException:  # also when cancelled: nobody will read its answer
            if worker:
                dead, worker = worker, None
                await self._bury(dead)
            raise
        finally:
            self._slots.put_nowait(worker)

    async def _start(self) -> Process:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, *self._worker, stdin=PIPE, stdout=PIPE, env=ENVIRONMENT
        )
        self._alive.add(worker)
        assert worker.stdout
        try:
            async with asyncio.timeout(START_S_MAX):
                await worker.stdout.readexactly(len(READY))
        except BaseException as error:
            await self._bury(worker)
            if isinstance(error, (EOFError, TimeoutError)):  # no photograph's fault
                raise Unavailable("a render process", "it did not start") from error
            raise
        return worker

    async def _bury(self, worker: Process) -> None:
        self._alive.discard(worker)
        _kill(worker)
        await worker.communicate()  # a full pipe would keep wait() waiting


def _rendered(reply: Reply) -> Rendering:
    match reply:
        case Done(rendering):
            return rendering
        case Refusal(reason, message):
            raise Corrupt(reason, message)
        case Trouble(message):
            raise RuntimeError(message)


def _kill(worker: Process) -> None:
    with suppress(ProcessLookupError):
        worker.kill()


async def _ask(worker: Process, path: str) -> Reply:
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write(f"{path}\n".encode())
    await worker.stdin.drain()
    size_bytes = int.from_bytes(await worker.stdout.readexactly(4), "big")
    if size_bytes > REPLY_BYTES_MAX:
        raise EOFError(f"a reply of {size_bytes} bytes is none of ours")
    return _replies.decode(await worker.stdout.readexactly(size_bytes))


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """Where a worker can read `content`; on Linux it is gone with us, however we end."""
    if sys.platform == "linux":  # unlike /dev/shm: no name to leave behind, no 64 MB in Docker
        with os.fdopen(os.memfd_create("original"), "wb", buffering=0) as file:
            file.write(content)
            yield f"/proc/{os.getpid()}/fd/{file.fileno()}"
    else:
        with NamedTemporaryFile(buffering=0) as named:
            named.write(content)
            yield named.name


def work(render: Callable[[Path], Rendering]) -> None:
    """A worker's life: a path a line in, a reply out, until the pool is gone."""
    _confine()
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not look like a reply
    replies.write(READY)
    replies.flush()
    for line in sys.stdin.buffer:
        reply = msgspec.msgpack.encode(_reply(render, Path(os.fsdecode(line.rstrip(b"\n")))))
        replies.write(len(reply).to_bytes(4, "big") + reply)
        replies.flush()


def _reply(render: Callable[[Path], Rendering], path: Path) -> Reply:
    try:
        return Done(render(path))
    except Corrupt as error:
        return Refusal(error.reason, str(error))
    except MemoryError:
        raise  # the limit of this process, which the photograph has reached
    except Exception:
        return Trouble(format_exc())


def _confine() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all of us: the pool decides
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold someone's photograph
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    from instastream import images  # not above: the pool's own process never loads libvips

    work(images.render)
