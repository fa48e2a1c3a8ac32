"""Runs handlers on topics, by Faust: many events at once, committed in order, none ever lost.

An event is committed after its effects and after everything before it in its partition. Trouble
with a store is waited out; trouble with an event sends it to `dead`; nothing raises out of here.
"""

import asyncio
import os
import random
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from types import MappingProxyType
from typing import Any, TypeVar, cast

import faust
from faust.streams import Stream
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP, AppT, EventT, StreamT
from mode.loop import use

from instastream.deps import Deps, open_deps
from instastream.errors import Unavailable
from instastream.events import Record, decode
from instastream.handlers.table import Handlers
from instastream.metrics import WorkerMetrics, serve_metrics
from instastream.progress import Progress
from instastream.retries import dead_headers, wait_out
from instastream.settings import Settings
from instastream.tracing import continue_trace

COMMIT_INTERVAL_S = 0.5  # what a crash repeats at most
SESSION_TIMEOUT_S = 6.0  # how long a killed worker's partitions wait; the least Kafka allows
STOP_TIMEOUT_S = 12.0  # Faust's consumer waits for Kafka without end
DRAIN_TIMEOUT_S = 5.0  # what a stop waits for; the rest is repeated after it

Result = TypeVar("Result")
Chore = Callable[[Deps], Awaitable[object]]  # safe to stop anywhere, and to run on many workers
NO_CHORES: Mapping[Chore, float] = MappingProxyType({})


class ExactConsumer(Consumer):
    """Commits what `Progress` says. Faust's own count also passes what it skips in a rebalance."""

    def _filter_committable_offsets(self, tps: object) -> dict[TP, int]:
        committable = cast(App, self.app).progress.committable()
        return {tp: offset for tp, offset in committable.items() if self._should_commit(tp, offset)}


class Worker(faust.Worker):
    """`faust worker`, without what it turns on by itself.

    Its web server: all apps would want the same port. And its spinner, for which every library
    makes its debug messages: a tenth of a worker's time.
    """

    def __init__(self, app: AppT, *services: Any, **options: Any) -> None:
        app.conf.web_enabled = False
        super().__init__(app, *services, **options)
        self.spinner = None


class App(faust.App):
    """A Faust app whose only agent runs `handlers`, up to `in_flight` events at once."""

    def __init__(
        self,
        name: str,
        handlers: Handlers,
        *,
        in_flight: int,
        chores: Mapping[Chore, float] = NO_CHORES,
    ) -> None:
        self.settings = Settings.from_env(os.environ)
        super().__init__(
            self.settings.prefix + name,
            broker=[f"kafka://{address}" for address in self.settings.kafka.split(",")],
            broker_commit_interval=COMMIT_INTERVAL_S,
            broker_heartbeat_interval=SESSION_TIMEOUT_S / 3,
            broker_session_timeout=SESSION_TIMEOUT_S,
            consumer_auto_offset_reset="earliest",
            key_serializer="raw",
            value_serializer="raw",
            store="memory://",
            datadir=Path(gettempdir()) / f"instastream-faust-{os.getuid()}",  # stays empty
            stream_wait_empty=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            Worker=Worker,
            worker_redirect_stdouts=False,
        )
        self.handlers = handlers
        self.progress: Progress[TP] = Progress()
        self.metrics = WorkerMetrics(name)
        self._slots = asyncio.Semaphore(in_flight)
        self._running: set[asyncio.Task[None]] = set()
        self._random = random.Random()
        type(self.transport).Consumer = ExactConsumer
        topics = {self.settings.prefix + event.topic for event in handlers}
        self.agent(self.topic(*sorted(topics)), name=name)(self.consume)
        for chore, every_s in chores.items():
            self.timer(interval=every_s)(partial(self._do, chore))
        self.on_partitions_assigned.connect(self._restart_progress)
        self.on_partitions_revoked.connect(self._lose_partitions)

    async def on_start(self) -> None:
        deps = await self.add_async_context(open_deps(self.settings))
        self.deps = replace(deps, waited=self._waited)
        serve_metrics(os.environ)
        await super().on_start()

    async def stop(self) -> None:
        """Stop, even without Kafka: what is left undone is done again by whoever comes next."""
        deadline = threading.Timer(STOP_TIMEOUT_S, os._exit, [1])
        deadline.daemon = True
        deadline.start()
        await super().stop()

    def _restart_progress(self, *_: Any, signal: Any = None, **__: Any) -> None:
        """After a rebalance every partition is read again from what was committed."""
        self.progress = Progress()
        self.metrics.ready.set(1)

    def _lose_partitions(self, *_: Any, signal: Any = None, **__: Any) -> None:
        self.metrics.ready.set(0)

    async def consume(self, stream: StreamT[bytes]) -> None:
        """The agent: starts a task for each event, in order."""
        try:
            async for event in cast(Stream[bytes], stream).noack().events():
                await self._slots.acquire()
                if event.message.generation_id == self.consumer_generation_id:
                    self._start(event)
                else:  # a rebalance while it waited: it is read again, here or elsewhere
                    self._slots.release()
        finally:
            await self._drain()

    async def _do(self, chore: Chore) -> None:
        try:
            await chore(self.deps)
        except Exception as error:  # its time comes again, and nothing raises out of here
            self.log.error("left for later: %s", error, exc_info=error)

    async def _drain(self) -> None:
        """Let what is under way come to its end, within limits."""
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_TIMEOUT_S)
        for task in self._running:
            task.cancel()

    def _start(self, event: EventT[bytes]) -> None:
        progress = self.progress
        progress.begin(event.message.tp, event.message.offset)
        task = asyncio.create_task(self._finish(event, progress))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: self._slots.release())

    async def _finish(self, event: EventT[bytes], progress: Progress[TP]) -> None:
        """Handle one event, however long it takes, and mark it done."""
        message = event.message
        try:
            await self._handle(message)
        except Exception as error:  # a poison record must never stop a partition
            self.log.error("dead: %s %s", message.tp, message.offset, exc_info=error)
            await self._bury(message, error)
        progress.done(message.tp, message.offset)

    async def _handle(self, message: Any) -> None:
        event = decode(message.value)
        handler = self.handlers.get(type(event))
        if handler is None:
            return
        continue_trace((dict(_headers(message)).get("traceparent") or b"").decode("latin-1"))
        record = Record(event, partition=message.partition, offset=message.offset)
        with self.metrics.timed(event):
            caused = await self._wait_out(partial(handler, record, self.deps), Unavailable)
            append = self.deps.log.append
            await asyncio.gather(
                *(self._wait_out(partial(append, one), Unavailable) for one in caused)
            )

    async def _bury(self, message: Any, error: Exception) -> None:
        headers = dead_headers(
            _headers(message),
            topic=message.topic.removeprefix(self.settings.prefix),
            partition=message.partition,
            offset=message.offset,
            timestamp_ms=int(message.timestamp * 1000),
            attempts=1,
            error=error,
        )
        append = partial(self.deps.log.append_raw, key=message.key, value=message.value)
        await self._wait_out(partial(append, "dead", headers=headers), Exception)
        self.metrics.dead.inc()

    async def _wait_out(
        self, work: Callable[[], Awaitable[Result]], trouble: type[Exception]
    ) -> Result:
        return await wait_out(
            work, trouble, random=self._random, sleep=asyncio.sleep, waited=self._waited
        )

    def _waited(self, error: Exception) -> None:
        self.log.warning("%s: trying again", error)
        self.metrics.waits.inc()


def _headers(message: Any) -> list[tuple[str, bytes]]:
    return list(message.headers or [])


def worker(
    name: str,
    handlers: Handlers,
    *,
    in_flight: int,
    chores: Mapping[Chore, float] = NO_CHORES,
) -> App:
    """The app `name`: each event of the handlers' topics is handled at least once.

    And each chore is done every so many seconds, whether or not it failed before.
    """
    with suppress(ImportError):
        use("uvloop")
    return App(name, handlers, in_flight=in_flight, chores=chores)
