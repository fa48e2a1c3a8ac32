"""Whatever fails, and whenever a process dies: a record is handled by its app, or is dead."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from instastream.deps import Deps
from instastream.events import Event, Record, UserJoined
from instastream.letters import Retry
from instastream.log import Headers
from instastream.redriving import Wanted, redrive, waiting
from instastream.retries import RETRY_DELAYS_S
from instastream.steps import ignore
from instastream.stores.epochs import NoEpochs
from instastream.stores.memory import MemoryLog
from streams.retrying import Retries
from streams.single import EventApp
from tests.unit.delivering import fetched, without_servers

NAMES = ("ada", "bob")
EVENTS = 3


class Crash(BaseException):
    """The process is gone."""


@dataclass
class World(MemoryLog):
    """A log, a clock, handlers that fail as they are told, and crashes at some steps."""

    failures: dict[tuple[str, int], int] = field(default_factory=dict)
    crashes: set[int] = field(default_factory=set)
    now_ms: int = 1_000_000
    steps: int = 0
    tries: Counter[tuple[str, int]] = field(default_factory=Counter)
    done: Counter[tuple[str, int]] = field(default_factory=Counter)
    early: list[Retry] = field(default_factory=list)

    def step(self) -> None:
        self.steps += 1
        if self.steps in self.crashes:
            raise Crash

    async def sleep(self, wait_s: float) -> None:
        self.now_ms += round(1000 * wait_s)

    async def append_raw(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        self.step()
        await super().append_raw(topic, key=key, value=value, headers=headers)
        self.step()

    async def handle(self, app: str, record: Record[Event], deps: Deps) -> list[Event]:
        about = app, record.offset
        self.tries[about] += 1
        self.step()
        if self.tries[about] <= self.failures.get(about, 0):
            raise RuntimeError("a bug")
        self.done[about] += 1
        self.step()
        return []

    def deps(self) -> Deps:
        return cast(
            Deps,
            SimpleNamespace(
                log=self,
                epochs=NoEpochs(),
                now_ms=lambda: self.now_ms,
                sleep=self.sleep,
                waited=lambda error: None,
            ),
        )


@dataclass
class Consumer:
    """Of one retry topic: begins at what was committed."""

    log: World
    committed: Counter[TopicPartition] = field(default_factory=Counter)

    async def fetch(self, partition: TopicPartition) -> list[ConsumerRecord]:
        raws = [raw async for raw in self.log.read_raw(partition.topic)]
        return [
            ConsumerRecord(
                topic=partition.topic,
                partition=0,
                offset=raw.offset,
                timestamp=0,
                timestamp_type=0,
                key=raw.key,
                value=raw.value,
                checksum=None,
                serialized_key_size=0,
                serialized_value_size=0,
                headers=raw.headers,
            )
            for raw in raws[self.committed[partition] :][:2]
        ]

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.log.step()
        self.committed.update({tp: at - self.committed[tp] for tp, at in offsets.items()})
        self.log.step()

    def resume(self, partition: TopicPartition) -> None:
        """It was not paused."""


@pytest.fixture(scope="module")
def apps() -> Iterator[dict[str, EventApp]]:
    """Two that handle the same events."""
    made = {}
    for name in NAMES:
        with pytest.MonkeyPatch.context() as patch:
            without_servers(patch)
            made[name] = EventApp(name, {UserJoined: cast(Any, None)}, in_flight=2)
    with pytest.MonkeyPatch.context() as patch:
        without_servers(patch)
        yield made


async def until_done(work: Any) -> None:
    """Again for as long as the process dies of it."""
    while True:
        try:
            await work()
            return
        except (Crash, BaseExceptionGroup):
            continue


async def run_retries(world: World, apps: dict[str, EventApp], groups: dict[str, Consumer]) -> None:
    """Every app reads every retry topic to its end, until all have come there."""
    moved = True
    while moved:
        moved = False
        for name, app in apps.items():
            consumer = groups[name]

            async def begin_again(
                record: ConsumerRecord, retry: Retry, app: EventApp = app
            ) -> None:
                if world.now_ms < retry.due_ms:
                    world.early.append(retry)
                await app.begin_again(record, retry)

            retries = Retries(name, app.settings, RETRY_DELAYS_S, world.deps(), begin_again)
            for topic in RETRY_DELAYS_S:
                partition = TopicPartition(topic, 0)
                while records := await consumer.fetch(partition):
                    moved = True
                    try:
                        await retries._finish(cast(Any, consumer), partition, records)
                    except (Crash, BaseExceptionGroup):
                        continue


def failures() -> st.SearchStrategy[dict[tuple[str, int], int]]:
    about = st.tuples(st.sampled_from(NAMES), st.integers(0, EVENTS - 1))
    return st.dictionaries(about, st.integers(1, 6))


@given(failures=failures(), crashes=st.sets(st.integers(1, 60), max_size=6))
@settings(max_examples=150)
def test_whatever_fails_and_when_a_record_is_handled_by_its_app_or_waits_among_the_dead(
    apps: dict[str, EventApp], failures: dict[tuple[str, int], int], crashes: set[int]
) -> None:
    asyncio.run(check(apps, World(failures=failures, crashes=crashes)))


async def check(apps: dict[str, EventApp], world: World) -> None:
    for name, app in apps.items():
        app.deps = world.deps()
        app._slots = asyncio.Semaphore(2)
        app.handlers = {UserJoined: partial(world.handle, name)}
    groups = {name: Consumer(world) for name in apps}
    everything = {(name, offset) for name in apps for offset in range(EVENTS)}
    for name, offset in sorted(everything):
        app, record = apps[name], fetched(offset)
        await until_done(partial(app.attempt, partial(app._handle, record), record))
    await run_retries(world, apps, groups)
    dead = {(one.app, one.offset) for one in await waiting(world, Wanted())}
    assert world.done.keys() | dead == everything
    assert not world.early
    if not world.crashes:
        assert dead == {about for about, times in world.failures.items() if times > 3}
        assert {*world.done.values()} <= {1}
    world.failures = {}
    letters = await waiting(world, Wanted())
    await until_done(partial(redrive, letters, world.deps(), report=ignore))
    assert await waiting(world, Wanted()) == []
    await run_retries(world, apps, groups)
    assert world.done.keys() == everything
    assert await waiting(world, Wanted()) == []
