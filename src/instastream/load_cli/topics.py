"""`stream`, `record` and `replay`: load without HTTP, straight into topics."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import SystemRandom
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from instastream import shell
from instastream.deps import now_ms, open_deps
from instastream.load.into_topics import recording, replaying
from instastream.load.into_topics.appending import appending
from instastream.load.into_topics.inventing import StreamPlan
from instastream.load.into_topics.pouring import Poured
from instastream.load.into_topics.remapping import remap as remapped
from instastream.load.into_topics.replaying import Replayed
from instastream.load.into_topics.streaming import Bounds, leased, stream_events
from instastream.load.into_topics.tapes import Reader
from instastream.load.reporting.tables import poured_table, recorded_table, replayed_table
from instastream.load_cli.app import load
from instastream.process import complete
from instastream.ranges import parse_range
from instastream.settings import Settings
from instastream.terminal import Steps, show

Positive = Number(gt=0)


@load.command
def stream(
    *,
    count: Annotated[int | None, Parameter(validator=Positive)] = None,
    duration: Annotated[float | None, Parameter(validator=Positive)] = None,
    rate: Annotated[float | None, Parameter(validator=Positive)] = None,
    users: int = 1_000,
    posts: int = 1_000,
    celebrities: int = 10,
    zipf: float = 1.0,
    poison: Annotated[float, Parameter(validator=Number(gte=0, lte=1))] = 0.0,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    as_json: shell.AsJson = False,
) -> None:
    """Append invented events to topics, as clients would cause them: for streams and replays.

    Each is valid by its schema, and counted once Kafka has acknowledged it. Ends after `--count`
    or `--duration`, one of which has to be given. Nobody can sign in as these users, and their
    posts have no images.

    **Examples**

        instastream load stream --count 100000
        instastream load stream --rate 20000 --duration 60 --poison 0.001

    Parameters
    ----------
    count
        How many events.
    duration
        For how many seconds.
    rate
        Events a second; as fast as it can without.
    users
        That are there first.
    posts
        That are there first.
    celebrities
        The most popular authors, whose posts are pulled and have many shards.
    zipf
        How much more popular some are than others; 0 is all alike.
    poison
        The share of records that hold no event.
    seed
        Other events of the same kind; the same seed gives the same but for their ids.
    """
    plan = StreamPlan(
        seed=seed, users=users, posts=posts, celebrities=celebrities, zipf=zipf, poison_share=poison
    )
    bounds = Bounds(per_s=rate, count=count, duration_s=duration)
    with Steps() as steps:
        poured = complete(_stream(plan, bounds, shell.settings(), steps))
    show(poured, poured_table(poured), as_json=as_json)


@load.command
def record(
    ranges: list[str],
    *,
    out: Path,
    since: Annotated[datetime | None, Parameter(show_default=False)] = None,
    until: Annotated[datetime | None, Parameter(show_default=False)] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Write a range of topics to a file, to be replayed.

    **Examples**

        instastream load record users posts media engagement --out today.jsonl --since 2026-01-02
        instastream load record posts/3:100-200 --out some.jsonl

    Parameters
    ----------
    ranges
        Topics, partitions (`posts/3`), or offsets (`posts/3:100-200`, 100 to 199).
    out
        A new file.
    since
        The first time, UTC where no zone is given.
    until
        The time before which they are.
    """
    asked = [parse_range(one) for one in ranges]
    with Steps() as steps:
        recorded = complete(
            recording.record(
                asked,
                out,
                shell.settings(),
                since_ms=shell.unix_ms(since),
                until_ms=shell.unix_ms(until),
                report=lambda so_far: steps.report("records", so_far.count, so_far.of),
            )
        )
    show(recorded, recorded_table(recorded), as_json=as_json)


@load.command
def replay(
    recorded: Path,
    *,
    speed: Annotated[float | None, Parameter(validator=Positive)] = 1.0,
    at_once: shell.Flag = False,
    remap: shell.Flag = False,
    as_json: shell.AsJson = False,
) -> None:
    """Append what was recorded to the topics of a system, each record when it was.

    With its ids it says again what was said: what has changed since is turned back. With others
    it is one more of the same.

    **Examples**

        instastream load replay today.jsonl --speed 10 --remap
        instastream load replay today.jsonl --at-once

    Parameters
    ----------
    recorded
        What `record` wrote.
    speed
        How many times as fast as it was.
    at_once
        As fast as it can.
    remap
        Other users, posts, comments and media, consistently.
    """
    with Steps() as steps:
        pace = None if at_once else speed
        played = complete(_replay(recorded, pace, shell.settings(), steps, is_other=remap))
    show(played, replayed_table(played), as_json=as_json)


async def _stream(plan: StreamPlan, bounds: Bounds, settings: Settings, steps: Steps) -> Poured:
    async with (
        open_deps(settings) as deps,
        appending(settings) as appender,
        leased(bounds, deps.leases, now_ms=now_ms()) as mint,
    ):
        of = bounds.count_max if bounds.count or bounds.per_s else 0
        with _reporting(steps, of) as report:
            return await stream_events(plan, bounds, appender, mint, report=report)


async def _replay(
    path: Path, speed: float | None, settings: Settings, steps: Steps, *, is_other: bool
) -> Replayed:
    async with open_deps(settings) as deps, appending(settings) as appender:
        reader, others = Reader(path), None
        if is_other:
            others = await remapped(reader, deps.leases, now_ms=now_ms(), random=SystemRandom())
        with _reporting(steps, reader.header.offsets) as report:
            return await replaying.replay(
                reader, appender, speed=speed, remap=others, epochs=deps.epochs, report=report
            )


@contextmanager
def _reporting(steps: Steps, of: int) -> Iterator[Callable[[Poured], None]]:
    """A bar; where nobody knows how many there will be, it only counts. Stopped it says how far."""
    acknowledged = 0

    def report(so_far: Poured) -> None:
        nonlocal acknowledged
        acknowledged = so_far.count
        steps.report("events", acknowledged, of or acknowledged + 1)

    try:
        yield report
    except asyncio.CancelledError:
        steps.say(f"{acknowledged:,} events are acknowledged")
        raise
