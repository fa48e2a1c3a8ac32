"""Workers that die at each of their requests, one after another, and are started again each time.

They are started by a process that has imported what they import, and does nothing else. Each event
that they die in is its app's alone, and what other events cause is not appended.
"""

import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.nemesis.crash_points import DIED, HANDLING, Walk, note_death, told_in

CHORE_EVERY_S = 0.5
CLAIM_TTL_S = 1  # who died holding one is not waited for
# What a process remembers for some seconds is asked for now and then, and changes nothing.
REMEMBERED = frozenset({"generations", "log_epochs"})
STATEMENT = re.compile(r"\s*(?:BEGIN BATCH\s+)?(\w+).*?\.(\w+)", re.DOTALL)


def alter(folder: str) -> None:
    """Returns in a worker of each app, to run Faust's program, as often as it dies: see above."""
    app = _start_again(Path(folder), told_in(Path(folder)).events)
    sys.argv += ["-A", f"streams.{app}", "worker"]
    _alter_apps(Path(folder))
    _alter_clients()


def _start_again(folder: Path, apps: Iterable[str]) -> str:
    """The app, in each process that is to be its worker; the first process waits for them."""
    import streams.worker  # noqa: F401 - what all of them need

    waiting, running = list(apps), dict[int, str]()
    while True:
        for app in waiting:
            if (child := os.fork()) == 0:
                log = os.open(folder / f"{app}.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
                os.dup2(log, sys.stdout.fileno())
                os.dup2(log, sys.stderr.fileno())
                return app
            running[child] = app
        child, status = os.wait()
        waiting = [running.pop(child)]
        if os.waitstatus_to_exitcode(status) != DIED:
            sys.exit(f"{waiting} ended by itself")
        note_death(folder)


def _alter_apps(folder: Path) -> None:
    from instastream.handlers import dedup, feeds
    from streams.batched import BatchApp
    from streams.single import EventApp
    from streams.trouble import Troubled
    from streams.worker import App

    handlers: Any = feeds
    base: Any = App.__bases__[-1]  # Faust's
    base_init, init = base.__init__, App.__init__
    handle, append = EventApp._handle, Troubled.append

    def begin_group(self: Any, *args: Any, **options: Any) -> None:
        # Kafka gives a member that is named the partitions of its last life, at once.
        base_init(self, *args, consumer_group_instance_id="only", **options)

    def begin(self: Any, name: str, *args: Any, chores: Any = (), **options: Any) -> None:
        self.walk = Walk(folder, name, lambda: self.consumer.commit())
        handlers.FANOUT_PAGE_LENGTH = self.walk.told.page_length or handlers.FANOUT_PAGE_LENGTH
        told = [one for one in chores if getattr(one, "__name__", "") in self.walk.told.chores]
        dying: Any = {partial(_do, self.walk, chore): CHORE_EVERY_S for chore in told}
        init(self, name, *args, chores=dying, **options)

    async def handle_own(self: Any, record: Any) -> None:
        if not self.walk.passes(record):
            await handle(self, record)

    async def append_own(self: Any, events: Any) -> None:
        if HANDLING.get():
            await append(self, events)

    patched: Sequence[tuple[Any, str, Any]] = (
        (dedup, "CLAIM_TTL_S", CLAIM_TTL_S),
        (base, "__init__", begin_group),
        (App, "__init__", begin),
        (EventApp, "_finish", _dying(EventApp._finish)),
        (BatchApp, "_finish", _dying(BatchApp._finish)),
        (EventApp, "_handle", handle_own),
        (Troubled, "append", append_own),
    )
    for owner, name, patch in patched:
        setattr(owner, name, patch)


async def _do(walk: Walk, chore: Any, deps: Any) -> None:
    if not walk.has_done(chore.__name__):
        async with walk.handling((chore.__name__,)):
            await chore(deps)


def _dying(finish: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def finish_dying(self: Any, partition: Any, records: Any, progress: Any) -> None:
        of = self.walk.own(records if isinstance(records, list) else [records])
        if not of:
            return await finish(self, partition, records, progress)
        async with self.walk.handling(of):
            return await finish(self, partition, records, progress)

    return finish_dying


def _alter_clients() -> None:
    from aiobotocore.client import AioBaseClient
    from aiokafka import AIOKafkaProducer
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline
    from redis.commands.core import AsyncScript

    from instastream.stores.cassandra.session import Session

    _before(Session, "_run", _statement)
    _before(Redis, "execute_command", _command)
    _before(AsyncScript, "__call__", lambda *_: "redis script")
    _before(Pipeline, "execute", lambda *_: "redis pipeline")
    _before(AioBaseClient, "_make_api_call", lambda operation, *_: f"s3 {operation}")
    _before(AIOKafkaProducer, "send", lambda topic, *_: f"kafka {topic.rpartition('.')[2]}")


def _before(client: Any, method: str, name: Callable[..., str]) -> None:
    """A request that has no name is none to die at."""
    request = getattr(client, method)

    async def reached(self: Any, *args: Any, **options: Any) -> Any:
        handling = HANDLING.get()
        if handling and (call := name(*args)):
            await handling.reach(call)
        return await request(self, *args, **options)

    setattr(client, method, reached)


def _statement(statement: Any, *_: Any) -> str:
    prepared = getattr(statement, "prepared_statement", None)
    found = STATEMENT.match(prepared.query_string) if prepared else None
    if found is None:
        return "cassandra batch"
    return "" if found[2] in REMEMBERED else f"cassandra {found[1]} {found[2]}"


def _command(command: str, *keys: Any) -> str:
    """Scripts are told by themselves; how far a transcode is depends on the machine."""
    if command in ("EVALSHA", "SCRIPT LOAD") or "transcode:" in str(keys[:1]):
        return ""
    return f"redis {command}"
