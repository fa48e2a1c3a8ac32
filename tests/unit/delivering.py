"""What Faust delivers to a worker's agent, without Faust and without servers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from instastream import retries
from instastream.deps import Deps, memory_deps
from instastream.errors import Unavailable
from instastream.events import Event, Record, UserJoined, encode
from instastream.ids import UserId
from instastream.letters import Retry
from instastream.log import Headers
from instastream.metrics import WorkerMetrics
from instastream.stores.memory import MemoryLog
from streams import worker
from streams.single import EventApp
from streams.worker import App
from tests.conftest import IN_MEMORY
from tests.unit.api.conftest import NoRenderer

JOINED = UserJoined(user_id=UserId("1571234567890123456"), username="ada", at_ms=1)
RETRY = Retry(
    app="unit",
    topic="users",
    partition=3,
    offset=14,
    timestamp_ms=15,
    epoch=0,
    attempts=3,
    due_ms=0,
)


class GrumpyLog(MemoryLog):
    """A log that is away for the first appends."""

    def __init__(self, away: int) -> None:
        super().__init__()
        self.away = away

    def _grumble(self) -> None:
        self.away -= 1
        if self.away >= 0:
            raise Unavailable("kafka", "away")

    async def append(self, event: Any) -> Any:
        self._grumble()
        return await super().append(event)

    async def append_raw(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        self._grumble()
        await super().append_raw(topic, key=key, value=value, headers=headers)


class Handled:
    """A handler that notes what it was given; it does what a test makes it do."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.answers: list[Exception | list[Event]] = []
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, record: Record[Event], deps: object) -> list[Event]:
        self.offsets.append(record.offset)
        await self.may_end.wait()
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        return answer


class HandledBatches:
    """A handler that notes its batches; it refuses offsets, fails at first, or waits."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.partitions: list[int] = []
        self.poison: set[int] = set()
        self.troubles: list[Exception] = []
        self.caused: list[Event] = []
        self.slept_s: list[float] = []
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def sleep(self, wait_s: float) -> None:
        """No time passes."""
        self.slept_s.append(wait_s)

    async def __call__(self, records: Sequence[Record[Any]], deps: object) -> list[Event]:
        self.batches.append([record.offset for record in records])
        self.partitions.append(records[0].partition)
        await self.may_end.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        if self.poison & {record.offset for record in records}:
            raise RuntimeError("a bug")
        return self.caused


def without_servers(patch: pytest.MonkeyPatch, registry: CollectorRegistry | None = None) -> None:
    """The settings of a worker that needs none, and that waits for nothing."""
    for name in ("KAFKA", "CASSANDRA", "REDIS", "S3", "EDGE"):
        patch.setenv(f"INSTASTREAM_{name}", "memory")
    for name in ("TOKEN_KEY", "MEDIA_KEY", "EDGE_KEY"):
        patch.setenv(f"INSTASTREAM_{name}", "0" * 64)
    registry = registry or CollectorRegistry()
    patch.setattr(retries, "backoff", lambda random: iter([0.0] * 9))
    patch.setattr(worker, "WorkerMetrics", partial(WorkerMetrics, registry=registry))


def having(deps: Deps, **others: object) -> Any:
    """Those, but for some."""
    return SimpleNamespace(**(vars(deps) | others))


@asynccontextmanager
async def rested(app: EventApp, handled: Handled) -> AsyncIterator[GrumpyLog]:
    """The log of an app of one slot that has done nothing yet."""
    log = GrumpyLog(away=0)
    handled.offsets, handled.answers = [], []
    app._slots = asyncio.Semaphore(1)
    app._restart_progress()
    async with memory_deps(IN_MEMORY, NoRenderer()) as deps:
        app.deps = having(deps, log=log)
        yield log


def fetched(
    offset: int,
    value: bytes | None = encode(JOINED),
    *,
    topic: str = "users",
    partition: int = 0,
    key: bytes | None = b"k",
    headers: Any = (),
) -> Any:
    """A record of a partition."""
    return SimpleNamespace(
        topic=topic,
        partition=partition,
        offset=offset,
        key=key,
        value=value,
        headers=headers,
        timestamp=1_000,
    )


def delivered(*records: Any, generation_id: int = 1) -> Any:
    """Records of one partition, which arrive together."""
    place = (records[0].topic, records[0].partition)
    message = SimpleNamespace(tp=place, value=records, generation_id=generation_id)
    return SimpleNamespace(message=message)


async def consume(app: App, *events: Any) -> None:
    """All of them, as the agent does; a callable among them is called in its turn."""

    async def stream() -> AsyncIterator[Any]:
        for one in events:
            if callable(one):
                await one()
            else:
                yield one

    app.consumer_generation_id = 1
    faust_stream: Any = SimpleNamespace(noack=lambda: SimpleNamespace(events=stream))
    await app.consume(faust_stream)
