"""Runs coroutines one store call at a time, in whatever order a test chooses."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")

PROCESS: ContextVar[int] = ContextVar("process")
SETTLING_ROUNDS = 16
POLL_S = 0.0002


class Interleaver:
    """An event loop that does nothing by itself: every store call waits until it is stepped.

    A process is a coroutine and the tasks that it starts. A killed one is never stepped again: as
    after SIGKILL, none of its `finally` runs. Calls of `servers` are waited for within their step.
    """

    def __init__(self, *, servers: bool = False) -> None:
        self._servers = servers
        self._loop = asyncio.new_event_loop()
        self._under_way = self._returned = 0  # calls
        self._gates: list[tuple[int, asyncio.Future[None]]] = []
        self._mains: dict[int, asyncio.Task[None]] = {}
        self._killed: list[asyncio.Future[None]] = []  # kept: what is collected is closed first
        self._started = 0
        self._closing = False

    async def gate(self, *_: object) -> None:
        """Where a process stands until it is stepped."""
        if self._closing:
            return
        gate: asyncio.Future[None] = self._loop.create_future()
        self._gates.append((PROCESS.get(), gate))
        await gate

    def gated(self, store: object) -> Any:
        """The same store, each call of which waits at a gate first."""
        return Gated(store, self._call)

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """To its end, while every process stands still."""
        return self._loop.run_until_complete(coroutine)

    async def _call(self, method: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        await self.gate()
        self._under_way += 1
        try:
            return await method(*args, **kwargs)
        finally:
            self._under_way -= 1
            self._returned += 1

    def start(self, coroutine: Coroutine[Any, Any, None]) -> int:
        """Begin a process, up to its first store call."""
        self._started += 1
        context = copy_context()
        context.run(PROCESS.set, self._started)
        self._mains[self._started] = self._loop.create_task(coroutine, context=context)
        self._settle()
        return self._started

    def waiting(self) -> list[int]:
        """Every process that can be stepped, oldest gate first; one may stand at several."""
        self._gates = [(process, gate) for process, gate in self._gates if not gate.done()]
        return [process for process, _ in self._gates]

    def step(self, at: int) -> None:
        """Let the process at one place of `waiting` make its store call, and go on to the next."""
        _, gate = self._gates.pop(at)
        gate.set_result(None)
        self._settle()
        for process in [process for process, main in self._mains.items() if main.done()]:
            self._mains.pop(process).result()

    def finish(self) -> None:
        """Let every process go on to its end, first come, first served."""
        for _ in range(3):  # what a call leads to may take more rounds than one step gives it
            while self.waiting():
                self.step(0)
            self._settle()

    def kill(self, process: int) -> None:
        """It makes no call any more."""
        self._killed += [gate for other, gate in self._gates if other == process]
        self._gates = [(other, gate) for other, gate in self._gates if other != process]
        self._mains.pop(process, None)

    def close(self) -> None:
        """End what was killed, too: nobody looks at the stores any more."""
        self._closing = True
        killed = asyncio.all_tasks(self._loop)
        for task in killed:
            task.cancel()
        if killed:
            self._loop.run_until_complete(asyncio.wait(killed))
        self._loop.close()

    def _settle(self) -> None:
        """A call returns, its task goes on, who waits for it, too: a round of the loop each."""
        left = SETTLING_ROUNDS
        while left or (self._servers and self._under_way):
            returned = self._returned
            if left:
                self._loop.call_soon(self._loop.stop)
                self._loop.run_forever()
            else:
                self.run(asyncio.sleep(POLL_S))
            left = SETTLING_ROUNDS if self._returned > returned else max(0, left - 1)


class Gated:
    """A store behind a gate."""

    def __init__(self, store: object, call: Callable[..., Awaitable[Any]]) -> None:
        self._store = store
        self._call = call

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, getattr(self._store, name))
