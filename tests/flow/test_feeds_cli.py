"""Making every list anew from the command line: in order, and it says how to go on when stopped."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from instastream import feeds_cli, graph
from instastream.deps import Deps
from instastream.ids import PostId, UserId, compose
from instastream.reading.rebuilding import LISTS_AT_ONCE, Rebuilt, Renewal, renew
from instastream.settings import Settings
from instastream.stores.feeds import FeedState
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.terminal import Steps
from tests.conftest import IN_MEMORY, measured
from tests.flow.conftest import Streams, join, post

READERS = [
    UserId(compose(at_ms=1_795_000_000_000 + n, worker=0, sequence=0))
    for n in range(LISTS_AT_ONCE + 2)
]
STRAY = PostId(compose(at_ms=1_795_000_100_000, worker=0, sequence=0))


async def listed(deps: Deps, readers: Sequence[UserId]) -> None:
    """Lists with a post of nobody whom these follow."""
    for reader in readers:
        await deps.feeds.open(reader, reader)
        await deps.feeds.fill(reader, reader, [STRAY])


async def rebuild_all(
    deps: Deps, monkeypatch: pytest.MonkeyPatch, *, after: str = "", dry_run: bool = False
) -> Renewal:
    """What the command does."""

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Deps]:
        yield deps

    monkeypatch.setattr(feeds_cli, "open_deps", opened)
    return await feeds_cli._rebuild_all(IN_MEMORY, Steps(), after=after, dry_run=dry_run)


async def test_every_list_is_made_anew_and_nobody_gets_one(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listed(deps, READERS[1:])
    before = rebuilds("made")
    foreseen = await rebuild_all(deps, monkeypatch, dry_run=True)
    assert rebuilds("made") == before
    assert [one.user_id for one in foreseen.changed] == READERS[1:]
    assert all(one.unwanted == [STRAY] and not one.missing for one in foreseen.changed)
    assert await deps.feeds.read(READERS[-1]) == [STRAY]
    assert await rebuild_all(deps, monkeypatch) == foreseen
    assert rebuilds("made") == before + len(READERS) - 1
    assert await deps.feeds.read(READERS[0]) is None
    assert await deps.feeds.read(READERS[-1]) == []
    again = await rebuild_all(deps, monkeypatch)
    assert (again.lists, again.changed) == (len(READERS) - 1, [])


async def test_a_list_may_lack_what_is_pulled(deps: Deps, streams: Streams) -> None:
    celebrity, reader = await join(deps, "celebrity", "reader")
    always_pulled = msgspec.structs.replace(deps.settings, pull_from=0, push_below=0)
    await graph.follow(reader, celebrity, deps)
    await streams.run()
    await post(replace(deps, settings=always_pulled), celebrity)
    await streams.run()
    assert await renew(reader, deps, dry_run=True) == Rebuilt(reader, 1, missing=[], unwanted=[])
    assert await deps.feeds.read(reader) == []


async def test_a_list_that_another_makes_meanwhile_is_left_to_them(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listed(deps, READERS[:3])
    fill = deps.feeds.fill

    async def taken_over(reader: UserId, token: str, post_ids: list[PostId]) -> bool:
        if reader == READERS[1]:
            await deps.feeds.open(reader, "another", anew=True)
        return await fill(reader, token, post_ids)

    monkeypatch.setattr(deps.feeds, "fill", taken_over)
    before = rebuilds("left")
    left = await renew(READERS[1], deps, dry_run=False)
    assert rebuilds("left") == before + 1
    assert left == Rebuilt(READERS[1], 1, missing=[], unwanted=[], left=True)
    await listed(deps, READERS[1:2])
    done = await rebuild_all(deps, monkeypatch)
    assert (done.lists, done.left) == (3, 1)
    assert [one.user_id for one in done.changed] == [READERS[0], READERS[2]]


def rebuilds(outcome: str) -> float:
    """How many there were, as it is measured."""
    return measured("feed_rebuild_seconds_count", outcome=outcome)


async def test_it_goes_on_after_where_it_was(
    deps: Deps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await listed(deps, READERS)
    done = await rebuild_all(deps, monkeypatch, after=READERS[-3])
    assert (done.lists, done.last) == (2, READERS[-1])
    assert capsys.readouterr().err.startswith("making lists anew: done")
    assert await deps.feeds.read(READERS[-3]) == [STRAY]
    assert (await rebuild_all(deps, monkeypatch, after=READERS[-1])).lists == 0


class Stuck(MemoryFeeds):
    """Says nothing of the last reader."""

    async def peek(self, reader: UserId) -> FeedState | None:
        if reader == READERS[-1]:
            await asyncio.Event().wait()
        return await super().peek(reader)


async def test_who_stops_it_is_told_how_to_go_on(
    deps: Deps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deps = replace(deps, feeds=Stuck())
    await listed(deps, READERS)
    task = asyncio.create_task(rebuild_all(deps, monkeypatch))
    while await deps.feeds.read(READERS[-2]) == [STRAY]:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    said = " ".join(capsys.readouterr().err.split())
    assert f"{LISTS_AT_ONCE} lists are done: --after {READERS[LISTS_AT_ONCE - 1]} goes on" in said
