"""What the workers, the log and the stores say when all has come to rest."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import Any

from msgspec import Struct

from instastream.deps import Deps
from instastream.lag import Behind, looking
from instastream.letters import Done, read
from instastream.load.checks.objects import lost_media, orphans
from instastream.load.checks.oracle import Oracle
from instastream.load.checks.violations import Violation, violation
from instastream.log import Raw
from instastream.retries import DEAD
from instastream.settings import Settings
from instastream.steps import Report

LAG_STILL_S = 60.0  # a worker that has done nothing for so long does nothing: a video takes less
POLL_S = 0.5  # as often as workers commit


async def wait_for_rest(settings: Settings, report: Report) -> list[Violation]:
    """Nothing is left to do for any worker, or what is, once nothing has moved for long."""
    most, moved_s, before = 0, monotonic(), list[Behind]()
    async with looking(settings) as look:
        while behind := await look():
            left = sum(one.events for one in behind)
            most = max(most, left)
            report("waiting for workers", most - left, most)
            if behind != before:
                before, moved_s = behind, monotonic()
            if monotonic() - moved_s > LAG_STILL_S:
                return [violation("lag", **one._asdict()) for one in behind]
            await asyncio.sleep(POLL_S)
    report("waiting for workers", most, most)
    return []


class Letter(Struct, frozen=True):
    """A dead letter: where it lies, and where what died stood."""

    topic: str
    partition: int
    offset: int
    of_topic: str
    of_partition: int
    of_offset: int
    key: str
    error: str
    message: str


async def inspect(
    oracle: Oracle, deps: Deps, *, since_ms: float, report: Report
) -> list[Violation]:
    """Dead letters and needless objects since then, and media that are not there."""
    steps: list[AsyncIterator[Violation]] = [
        _dead(deps, int(since_ms)),
        lost_media(oracle, deps),
        orphans(oracle, deps, since_ms=int(since_ms)),
    ]
    found: list[Violation] = []
    for done, step in enumerate(steps):
        report("looking into stores", done, len(steps))
        found += [one async for one in step]
    report("looking into stores", len(steps), len(steps))
    return found


async def _dead(deps: Deps, since_ms: int) -> AsyncIterator[Violation]:
    """A hostile upload is a post that fails, and no dead letter: none is expected."""
    async with aclosing(deps.log.read_raw(DEAD)) as records:
        async for record in records:
            is_done = read(Done, record.headers)  # which tells what was done about one
            if record.timestamp_ms >= since_ms and not is_done:
                yield violation("dead-letter", letter=_letter(record))


def _letter(record: Raw) -> Letter:
    """Whatever its headers are: what tells nothing is empty."""
    headers: dict[str, Any] = {
        name: (value or b"").decode(errors="replace") for name, value in record.headers
    }
    return Letter(
        topic=DEAD,
        partition=record.partition,
        offset=record.offset,
        of_topic=headers.get("dead_topic", ""),
        of_partition=int(headers.get("dead_partition", -1)),
        of_offset=int(headers.get("dead_offset", -1)),
        key=(record.key or b"").decode(errors="replace"),
        error=headers.get("dead_error", ""),
        message=headers.get("dead_message", ""),
    )
