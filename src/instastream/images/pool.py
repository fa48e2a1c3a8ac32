"""A pool of processes that decode hostile photographs: what breaks one fails its job and no other.

What such a process does is in worker.py, what it may do in confinement/process.py.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from tempfile import TemporaryFile
from typing import BinaryIO

import msgspec

from instastream.confinement.children import Refusal, environment
from instastream.errors import Corrupt, Unavailable
from instastream.images.bounds import check_size
from instastream.images.worker import READY, Done, Reply, Trouble
from instastream.limits import MEBIBYTE
from instastream.media import Rendering
from instastream.metrics import RENDER_SECONDS, timed_outcome

JOB_S_MAX = 60.0  # of wall time: only what hangs takes four times its processor time, see worker.py
START_S_MAX = 60.0  # 0.2 s on an idle machine
REPLY_BYTES_MAX = 64 * MEBIBYTE  # the widest variants at their tallest, encoded badly
JOBS_MAX = 1_000  # of one process: it starts in 0.3 s, and decoders leak

WORKER = ("-P", "-m", "instastream.images.worker")
ENVIRONMENT = {
    **environment(arenas=1),
    "VIPS_WARNING": "0",  # hostile files must not fill the log
}

_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class RenderPool:
    """Renders as many photographs at once as there are cores; processes start when first needed."""

    def __init__(
        self,
        *,
        size: int | None = None,
        job_s_max: float = JOB_S_MAX,
        jobs_max: int = JOBS_MAX,
        worker: Sequence[str] = WORKER,
    ) -> None:
        self._size = size or os.cpu_count() or 1
        self._job_s_max = job_s_max
        self._jobs_max = jobs_max
        self._worker = worker
        self._closed = False
        self._alive: set[_Worker] = set()
        self._slots: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
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
        check_size(len(content))
        for last in (False, True):
            try:
                return await self._attempt(content)
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

    async def _attempt(self, content: bytes) -> Rendering:
        with timed_outcome(RENDER_SECONDS, refused=Corrupt) as stopwatch:
            async with self._free_worker() as worker, asyncio.timeout(self._job_s_max):
                stopwatch.restart()  # what it waited for others is not its own
                reply = await worker.ask(content)
            return _rendered(reply)

    async def aclose(self) -> None:
        """End every process; jobs under way fail as Unavailable."""
        self._closed = True
        for worker in self._alive:
            worker.kill()
        for slot in [await self._slots.get() for _ in range(self._size)]:
            if slot:
                await self._bury(slot)
            self._slots.put_nowait(None)

    @asynccontextmanager
    async def _free_worker(self) -> AsyncIterator["_Worker"]:
        worker = await self._slots.get()
        try:
            if self._closed:
                raise Unavailable("the render pool", "closed")
            if worker and worker.worn(self._jobs_max):
                old, worker = worker, None
                await self._bury(old)
            worker = worker or await self._start()
            yield worker
        except BaseException:  # also when cancelled: nobody will read its answer
            if worker:
                dead, worker = worker, None
                await self._bury(dead)
            raise
        finally:
            self._slots.put_nowait(worker)

    async def _start(self) -> "_Worker":
        worker = await _started(self._worker)
        self._alive.add(worker)
        try:
            async with asyncio.timeout(START_S_MAX):
                await worker.ready()
        except BaseException as error:
            await self._bury(worker)
            if isinstance(error, (EOFError, TimeoutError)):  # no photograph's fault
                raise Unavailable("a render process", "it did not start") from error
            raise
        return worker

    async def _bury(self, worker: "_Worker") -> None:
        self._alive.discard(worker)
        await worker.end()


class _Worker:
    """One process, and the file through which it gets its originals: nothing is opened by name."""

    def __init__(self, process: Process, original: BinaryIO) -> None:
        assert process.stdin
        assert process.stdout
        self._process, self._original = process, original
        self._jobs, self._replies = process.stdin, process.stdout
        self._done = 0

    async def ready(self) -> None:
        await self._replies.readexactly(len(READY))

    def worn(self, jobs_max: int) -> bool:
        return self._done >= jobs_max or self._process.returncode is not None

    async def ask(self, content: bytes) -> Reply:
        """Its answer; raises TimeoutError when it has used up its processor time."""
        self._done += 1
        self._original.seek(0)
        self._original.write(content)
        try:
            self._jobs.write(b"%d\n" % len(content))
            await self._jobs.drain()
            return await self._answer()
        except (EOFError, ConnectionError) as error:
            if await self._process.wait() == -signal.SIGXCPU:
                raise TimeoutError from error
            raise
        finally:
            self._original.truncate(0)  # of the memory of this machine

    async def _answer(self) -> Reply:
        size_bytes = int.from_bytes(await self._replies.readexactly(4), "big")
        if size_bytes > REPLY_BYTES_MAX:
            raise msgspec.DecodeError(f"a reply of {size_bytes} bytes is none of ours")
        return _replies.decode(await self._replies.readexactly(size_bytes))

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> None:
        self.kill()
        await self._process.communicate()  # a full pipe would keep wait() waiting
        self._original.close()


async def _started(worker: Sequence[str]) -> _Worker:
    original = _nameless_file()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *worker,
            str(original.fileno()),
            stdin=PIPE,
            stdout=PIPE,
            env=ENVIRONMENT,
            pass_fds=[original.fileno()],
        )
    except BaseException:
        original.close()
        raise
    return _Worker(process, original)


def _nameless_file() -> BinaryIO:
    """In memory where there is such a thing: it is gone with us, however we end."""
    if sys.platform == "linux":  # unlike /dev/shm: no 64 MB in Docker
        return os.fdopen(os.memfd_create("original"), "wb", buffering=0)
    return TemporaryFile(buffering=0)


def _rendered(reply: Reply) -> Rendering:
    match reply:
        case Done(rendering):
            return rendering
        case Refusal(reason, message):
            raise Corrupt(reason, message)
        case Trouble(message):
            raise RuntimeError(message)
