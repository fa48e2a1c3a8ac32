"""The contract of Changes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest

from instastream.deps import Deps
from instastream.ids import PostId, UserId
from instastream.limits import FEED_LENGTH
from instastream.settings import Settings
from instastream.stores.changes import CHANGES_READ_MAX, Change, Heard, Place
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.redis import open_redis
from tests.stores.conftest import new_id

Loss: TypeAlias = Callable[[], Awaitable[None]]


async def heard(deps: Deps, place: Place | None) -> Heard:
    return (await deps.changes.since(place))[0]


async def now(deps: Deps) -> Place:
    return (await heard(deps, None)).place


def told(heard: Heard) -> list[Change]:
    assert not heard.lost
    return [change for _, change in heard.changes]


@pytest.fixture
def landed(user: UserId) -> Change:
    return Change("landed", user, PostId(new_id()))


async def test_what_is_told_is_heard_once_and_in_order(
    deps: Deps, user: UserId, landed: Change
) -> None:
    place = await now(deps)
    changes = [landed, Change("user", user), Change("celebrity", user)]
    await deps.changes.tell(*changes[:2])
    await deps.changes.tell(*changes[2:])
    hears = await heard(deps, place)
    assert told(hears) == changes
    entries = [entry for entry, _ in hears.changes]
    assert len(set(entries)) == 3
    assert hears.place.entry == entries[-1]
    assert told(await heard(deps, hears.place)) == []
    for entry, change in zip(entries, [*changes[1:], None], strict=True):
        after = await heard(deps, Place(place.epoch, entry))
        assert told(after)[:1] == ([change] if change else [])


async def test_whoever_knows_nothing_yet_begins_at_the_end(deps: Deps, landed: Change) -> None:
    await deps.changes.tell(landed)
    first = await heard(deps, None)
    assert first.lost
    assert not first.changes
    await deps.changes.tell(landed)
    assert told(await heard(deps, first.place)) == [landed]


async def test_a_place_that_never_was_is_lost(deps: Deps, landed: Change) -> None:
    place = await now(deps)
    await deps.changes.tell(landed)
    assert (await heard(deps, Place("another", place.entry))).lost


async def test_whoever_is_to_forget_begins_anew(deps: Deps, landed: Change) -> None:
    place = await now(deps)
    await deps.changes.tell(landed)
    await deps.changes.forget()
    anew = await heard(deps, place)
    assert anew.lost
    await deps.changes.tell(landed)
    assert told(await heard(deps, anew.place)) == [landed]


async def test_whoever_is_far_behind_begins_anew(deps: Deps, landed: Change) -> None:
    place = await now(deps)
    await deps.changes.tell(*[landed] * (CHANGES_READ_MAX - 2))
    assert len(told(await heard(deps, place))) == CHANGES_READ_MAX - 2
    await deps.changes.tell(*[landed] * 20_000)
    late = await heard(deps, place)
    assert late.lost
    assert told(await heard(deps, late.place)) == []


@asynccontextmanager
async def losing(deps: Deps, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Loss, Loss]]:
    """What loses everything that was told, and what loses all but the last."""
    changes = deps.changes
    if isinstance(changes, MemoryChanges):

        async def flush_memory() -> None:
            changes.flush()

        async def trim_memory() -> None:
            changes.trim(1)

        yield flush_memory, trim_memory
        return
    settings: Settings = request.getfixturevalue("settings")
    names = [f"{settings.prefix}{{changes}}:{name}" for name in ("stream", "epoch")]
    async with open_redis(settings) as redis:

        async def flush() -> None:
            await redis.delete(*names)

        async def trim() -> None:
            await redis.xtrim(names[0], maxlen=1, approximate=False)

        yield flush, trim


async def test_what_was_flushed_or_trimmed_is_missed(
    deps: Deps, landed: Change, request: pytest.FixtureRequest
) -> None:
    async with losing(deps, request) as losses:
        for lose in losses:
            for before, after in ((0, 0), (0, 1), (2, 0), (2, 2)):
                place = await now(deps)
                for _ in range(before):
                    await deps.changes.tell(landed)
                await lose()
                for _ in range(after):
                    await deps.changes.tell(landed)
                hears = await heard(deps, place)
                nothing_was_lost = lose is losses[1] and before + after <= 1
                assert hears.lost or nothing_was_lost
                await deps.changes.tell(landed)
                assert told(await heard(deps, hears.place)) == [landed]


async def test_the_heads_of_feeds_come_with_it(deps: Deps) -> None:
    ids = [PostId(new_id()) for _ in range(5)]
    cold, opened, warm, empty = [UserId(new_id()) for _ in range(4)]
    await deps.feeds.open(opened, "a")
    for reader, filled in ((warm, ids), (empty, [])):
        await deps.feeds.open(reader, "a")
        await deps.feeds.fill(reader, "a", filled)
    asked = [(warm, 2), (cold, 3), (empty, 3), (opened, 3), (warm, 5), (warm, 9)]
    _, heads, _ = await deps.changes.since(None, [*asked, (warm, FEED_LENGTH)])
    newest_first = ids[::-1]
    assert heads == [newest_first[:2], None, [], None, *[newest_first] * 3]
    assert (await deps.changes.since(await now(deps), asked))[1] == heads[:-1]


async def test_who_waits_is_woken(deps: Deps, landed: Change) -> None:
    place = await now(deps)
    waits = asyncio.create_task(deps.changes.wait(place, timeout_s=4))
    await asyncio.sleep(0.05)
    assert not waits.done()
    await deps.changes.tell(landed)
    await asyncio.wait_for(waits, 3)
    await deps.changes.wait(place, timeout_s=4)  # it was told already
    await deps.changes.wait(await now(deps), timeout_s=0.01)
