"""Runs handlers on topics, by Faust: committed in order, none ever lost.

What is fetched of a partition comes in one piece: Faust's own path costs far more than an event
does. A record is committed after its effects and after everything before it in its partition.
Trouble with a store is waited out; trouble with an event puts it aside; nothing raises out.
"""

import asyncio
import logging
import os
import random
import threading
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from types import MappingProxyType
from typing import Any, TypeAlias, cast

import faust
from faust.cli.base import DEFAULT_LOGLEVEL
from faust.streams import Stream
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP, AppT, ConsumerMessage, StreamT
from prometheus_client import Counter

from instastream import logs
from instastream.deps import Deps, know_epochs, open_deps
from instastream.events import DATED
from instastream.lag import Look, looking
from instastream.limits import FETCHED_BYTES_MAX, FETCHED_LENGTH_MAX, FETCHES_WAITING
from instastream.metrics import WorkerMetrics, serve_metrics
from instastream.progress import Progress
from instastream.retries import RETRY_DELAYS_S, retry_group
from instastream.settings import Settings
from streams.lagging import LOOK_EVERY_S, REBALANCE_LOOKS, STILL_LOOKS, Lag
from streams.process import begin_anew
from streams.records import Fetched
from streams.retrying import Retries
from streams.trouble import HELD, Troubled

COMMIT_INTERVAL_S = 0.5  # what a crash repeats at most
SESSION_TIMEOUT_S = 6.0  # how long a killed worker's partitions wait; the least Kafka allows
STOP_TIMEOUT_S = 12.0  # Faust's consumer waits for Kafka without end
DRAIN_TIMEOUT_S = 5.0  # what a stop waits for; the rest is repeated after it

Partition: TypeAlias = TP
Chore = Callable[[Deps], Awaitable[object]]  # safe to stop anywhere, and to run on many workers
NO_CHORES: Mapping[Chore, float] = MappingProxyType({})


log = logging.getLogger(__name__)


class ExactConsumer(Consumer):
    """Commits what `Progress` says. Faust's own count also passes what it skips in a rebalance.

    To Faust all records that were fetched of a partition are one message, at the last's offset.
    """

    async def _wait_next_records(self, timeout: float) -> Any:
        fetched, active = await super()._wait_next_records(timeout)
        progress = cast(App, self.app).progress
        for tp, records in (fetched or {}).items():
            progress.fetch(tp, records[0].offset, at_ms=records[0].timestamp)
        return fetched and {tp: [records] for tp, records in fetched.items()}, active

    def _to_message(self, tp: TP, records: Sequence[Fetched]) -> ConsumerMessage:
        message = super()._to_message(tp, records[-1])
        message.key, message.value = None, cast(bytes, records)  # raw: not looked into
        return message

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets between two messages are nothing to keep: `Progress` knows what is done."""

    async def _commit_offsets(
        self, offsets: Mapping[TP, int], start_new_transaction: bool = True
    ) -> bool:
        """Only of topics that are still those that were read: asked after the work, not before."""
        confirmed = await cast(App, self.app).confirmed({tp.topic for tp in offsets})
        sound = {tp: offset for tp, offset in offsets.items() if tp.topic in confirmed}
        return await super()._commit_offsets(sound, start_new_transaction)

    def _filter_committable_offsets(self, tps: object) -> dict[TP, int]:
        committable = cast(App, self.app).progress.committable()
        return {tp: offset for tp, offset in committable.items() if self._should_commit(tp, offset)}


class Worker(faust.Worker):
    """`faust worker`, without what it turns on by itself.

    Its web server: all apps would want the same port. And its spinner, for which every library
    makes its debug messages: a tenth of a worker's time. And its own form of what is logged.
    """

    def __init__(self, app: AppT, *services: Any, **options: Any) -> None:
        app.conf.web_enabled = False
        super().__init__(app, *services, **options)
        self.spinner = None

    def _setup_logging(self) -> None:
        if self.loglevel and self.loglevel != DEFAULT_LOGLEVEL:
            logs.set_level(str(self.loglevel))


class App(Troubled, faust.App):
    """A Faust app with one agent, which begins work on what is fetched of its topics."""

    _ask: Look
    _retries: Retries

    def __init__(
        self,
        name: str,
        topics: Collection[str],
        *,
        chores: Mapping[Chore, float] = NO_CHORES,
        delays_s: Mapping[str, float] = RETRY_DELAYS_S,
        led_by: str = "",
        fetched_bytes_max: int = FETCHED_BYTES_MAX,
    ) -> None:
        """`delays_s` says, by retry topic, how long what an app failed at waits there.

        Chores are everyone's; or of all workers of the app they are done by the one that has the
        first partition of the topic `led_by`. In a rebalance that may be nobody, or still another.
        """
        self.settings = Settings.from_env(os.environ)
        super().__init__(
            self.settings.prefix + name,
            broker=[f"kafka://{address}" for address in self.settings.kafka.split(",")],
            broker_commit_interval=COMMIT_INTERVAL_S,
            broker_heartbeat_interval=SESSION_TIMEOUT_S / 3,
            broker_max_poll_records=FETCHED_LENGTH_MAX,
            broker_session_timeout=SESSION_TIMEOUT_S,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=fetched_bytes_max,
            key_serializer="raw",
            value_serializer="raw",
            store="memory://",
            datadir=Path(gettempdir()) / f"instastream-faust-{os.getuid()}",  # stays empty
            stream_buffer_maxsize=FETCHES_WAITING,
            stream_wait_empty=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            Worker=Worker,
            worker_redirect_stdouts=False,
        )
        self.progress: Progress[TP] = Progress()
        self.metrics = WorkerMetrics(name)
        for topic in topics:
            self.metrics.retries(topic)
        self.running: set[asyncio.Task[None]] = set()
        self.random = random.Random()
        self._context = copy_context()
        self.called, self.delays_s = name, delays_s
        self._led_by = TP(self.settings.prefix + led_by, 0) if led_by else None
        self._lag, self._retry_lag = Lag(self.settings.prefix), Lag(self.settings.prefix)
        self.metrics.watch(
            in_flight=self.in_flight, behind=lambda: self._lag.by_topic(self.progress)
        )
        type(self.transport).Consumer = ExactConsumer
        self._groups = {name: set(topics)}
        self.dated = DATED.intersection(topics)
        prefixed = sorted({self.settings.prefix + topic for topic in topics})
        self.agent(self.topic(*prefixed), name=name)(self.consume)
        for chore, every_s in chores.items():
            name_ = getattr(chore, "__name__", type(chore).__name__).lower()
            failures = self.metrics.chore_failures(name_)
            self.timer(interval=every_s)(partial(self._do, chore, failures))
        self.timer(interval=LOOK_EVERY_S)(self._look)
        if self.policy.topics:
            self._groups |= {retry_group(name): set(delays_s)}
            self.task(self._retry)
            self.timer(interval=LOOK_EVERY_S)(self._look_at_retries)
        self.on_partitions_assigned.connect(self._restart_progress)
        self.on_partitions_revoked.connect(self._lose_partitions)

    async def on_start(self) -> None:
        """Raises Unready where a topic is not the one whose offsets dated what is kept."""
        deps = await self.add_async_context(open_deps(self.settings))
        self.deps = replace(deps, waited=self.waited)
        await know_epochs(self.dated, self.deps)
        self._retries = Retries(
            self.called, self.settings, self.delays_s, self.deps, self.begin_again
        )
        self._ask = await self.add_async_context(looking(self.settings, self._groups))
        serve_metrics(os.environ)
        await super().on_start()

    async def stop(self) -> None:
        """Stop, even without Kafka: what is left undone is done again by whoever comes next."""
        deadline = threading.Timer(STOP_TIMEOUT_S, os._exit, [1])
        deadline.daemon = True
        deadline.start()
        await super().stop()

    async def confirmed(self, topics: Collection[str]) -> set[str]:
        """Those of some topics that were not made anew since this process began.

        One that was holds other events: what was handled of it may have been skipped.
        """
        dated = {self.settings.prefix + topic: topic for topic in self.dated}
        doubtful = [topic for topic in topics if topic in dated]
        answers = await asyncio.gather(
            *(self.deps.epochs.confirm(dated[topic]) for topic in doubtful), return_exceptions=True
        )
        refused = {topic: error for topic, error in zip(doubtful, answers, strict=True) if error}
        for error in refused.values():
            if not isinstance(error, HELD):
                raise error
            self.waited(error)
            self._lag.moves()
        return set(topics) - refused.keys()

    @abstractmethod
    async def begin(
        self, partition: Partition, records: Sequence[Fetched], generation: int
    ) -> None:
        """Begin work on records, unless they are of a generation before the consumer's.

        A rebalance makes them stale: they are read again, here or elsewhere. Returns when there
        may be room for more.
        """

    def forget(self) -> None:
        """Begin nothing of what waits."""

    def in_flight(self) -> int:
        """How many events are under way; from any thread."""
        return len(self.running)

    async def _look(self) -> None:
        await self._lag.look(self._ask, self.consumer.assignment, idle=not self.in_flight())
        flows = cast(ExactConsumer, self.consumer).flow_active
        looks = STILL_LOOKS if flows else REBALANCE_LOOKS
        if places := self._lag.stands_still(looks):
            begin_anew(places)

    async def _look_at_retries(self) -> None:
        retries = self._retries
        await self._retry_lag.look(self._ask, retries.assignment, idle=not retries.in_flight())
        if places := self._retry_lag.stands_still(REBALANCE_LOOKS):
            begin_anew(places)

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work under way: a stop waits for it, within limits.

        It knows nothing of the work that began it, such as the keyspace that that was done in.
        """
        task = asyncio.create_task(work, context=self._context.copy())
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return task

    def _restart_progress(self, *_: Any, signal: Any = None, **__: Any) -> None:
        """After a rebalance every partition is read again from what was committed."""
        self.progress = Progress()
        self.metrics.ready.set(1)

    def _lose_partitions(self, *_: Any, signal: Any = None, **__: Any) -> None:
        self.forget()
        self._lag.forget()
        self.metrics.ready.set(0)

    async def consume(self, stream: StreamT[bytes]) -> None:
        """The agent: begins what is fetched, in order."""
        try:
            async for event in cast(Stream[bytes], stream).noack().events():
                message = event.message
                await self.begin(message.tp, message.value, message.generation_id)
        finally:
            await self._drain()

    async def _retry(self) -> None:
        """Beside the agent: what was put aside, once it is due."""
        await self._retries.run(self.random, self.waited)

    async def _do(self, chore: Chore, failures: Counter) -> None:
        if self._led_by and self._led_by not in self.consumer.assignment():
            return
        try:
            await chore(self.deps)
        except Exception as error:  # its time comes again, and nothing raises out of here
            log.error("left for later: %s", error, exc_info=error)
            failures.inc()

    async def _drain(self) -> None:
        """Let what is under way come to its end, within limits."""
        self.forget()
        if self.running:
            await asyncio.wait(self.running, timeout=DRAIN_TIMEOUT_S)
        for task in self.running:
            task.cancel()
