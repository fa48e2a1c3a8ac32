"""What is counted is made again only while nobody else counts."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from instastream.errors import Unavailable, Unready
from instastream.rebuilding import rebuilding
from instastream.rebuilding.bounding import Bounds
from instastream.rebuilding.projections import named
from instastream.rebuilding.rebuilding import rebuild
from instastream.rebuilding.targets import Target
from instastream.steps import ignore
from tests.conftest import IN_MEMORY

RUNS, ENDED = ["a worker"], list[str]()


class Lease:
    """Of whoever makes a generation or writes counters: one at a time."""

    def __init__(self) -> None:
        self.holders = 0

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        if self.holders:
            raise Unready("someone repairs counters")
        self.holders += 1
        try:
            yield
        finally:
            self.holders -= 1


async def rebuilt(
    name: str,
    members: Iterator[list[str]],
    patch: pytest.MonkeyPatch,
    lease: Lease | None = None,
    *,
    drop: bool = False,
) -> list[str]:
    """The projections that are replayed, while the group has these members when it is asked."""
    lease = lease or Lease()
    done: list[str] = []

    async def asked(group: str, _: object) -> list[str]:
        assert group.endswith("engagement")
        return next(members)

    async def nothing(*_: object, **__: object) -> list[Any]:
        return []

    async def emptied(_: object) -> None:
        done.append(f"emptied, {lease.holders} alone")

    async def replayed(projection: Any, *_: object, **__: object) -> str:
        done.append(f"{projection.name}, {lease.holders} alone")
        return str(projection.name)

    patch.setattr(rebuilding, "_members", asked)
    patch.setattr(rebuilding, "found_of", nothing)
    patch.setattr(rebuilding, "renew_lists", nothing)
    patch.setattr(rebuilding, "replay", replayed)
    target = cast(
        Target,
        SimpleNamespace(
            deps=SimpleNamespace(changes=SimpleNamespace(forget=nothing)),
            contents=SimpleNamespace(empty=emptied),
            generations=lease,
        ),
    )
    again = rebuild(named(name), Bounds(), target, IN_MEMORY, drop=drop, report=ignore)
    async for _ in again:
        pass
    assert lease.holders == 0
    return done


async def test_nothing_is_counted_beside_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unready, match="a worker engagement runs: stop all of them"):
        await rebuilt("likes", iter([RUNS]), monkeypatch)


async def test_a_worker_that_was_started_meanwhile_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Unready, match=r"was started meanwhile.* with --drop"):
        await rebuilt("comments", iter([ENDED, RUNS]), monkeypatch)


async def test_while_nobody_counts_all_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rebuilt("likes", iter([ENDED, ENDED]), monkeypatch) == ["likes, 1 alone"]


async def test_what_is_counted_is_emptied_while_no_command_counts_or_swaps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = await rebuilt("likes", iter([ENDED, ENDED]), monkeypatch, drop=True)
    assert done == ["emptied, 1 alone", "likes, 1 alone"]


async def test_beside_a_command_that_counts_nothing_is_emptied_or_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lease = Lease()
    async with lease.alone():
        with pytest.raises(Unready, match="someone repairs counters"):
            await rebuilt("comments", iter([]), monkeypatch, lease, drop=True)


async def test_what_is_not_counted_asks_for_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rebuilt("posts", iter([]), monkeypatch) == ["posts, 0 alone"]


class Coordinator:
    """Answers as Kafka's does."""

    def __init__(self, code: int, members: list[str]) -> None:
        self.answer = code, "engagement", "", "", "", members

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def describe_consumer_groups(self, _: list[str]) -> list[Any]:
        return [SimpleNamespace(groups=[self.answer])]


async def members(coordinator: Coordinator, patch: pytest.MonkeyPatch) -> list[object]:
    patch.setattr(rebuilding, "AIOKafkaAdminClient", lambda **_: coordinator)
    return list(await rebuilding._members("engagement", IN_MEMORY))


@pytest.mark.parametrize("code", [14, 15, 16, 30, -1])
async def test_a_coordinator_that_does_not_know_yet_is_not_taken_for_one_without_workers(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable, match=r"kafka is unavailable: .*in engagement is not known"):
        await members(Coordinator(code, ENDED), monkeypatch)


async def test_a_group_that_is_known_or_never_was_has_the_members_it_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await members(Coordinator(0, RUNS), monkeypatch) == RUNS
    assert await members(Coordinator(69, ENDED), monkeypatch) == ENDED
