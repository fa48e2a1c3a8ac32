"""What is counted is made again only while nobody else counts."""

from collections.abc import Iterator
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


async def rebuilt(name: str, members: Iterator[list[str]], patch: pytest.MonkeyPatch) -> list[str]:
    """The projections that are replayed, while the group has these members when it is asked."""

    async def asked(group: str, _: object) -> list[str]:
        assert group.endswith("engagement")
        return next(members)

    async def nothing(*_: object, **__: object) -> list[Any]:
        return []

    async def replayed(projection: Any, *_: object, **__: object) -> str:
        return str(projection.name)

    patch.setattr(rebuilding, "_members", asked)
    patch.setattr(rebuilding, "found_of", nothing)
    patch.setattr(rebuilding, "renew_lists", nothing)
    patch.setattr(rebuilding, "replay", replayed)
    target = cast(
        Target, SimpleNamespace(deps=SimpleNamespace(changes=SimpleNamespace(forget=nothing)))
    )
    again = rebuild(named(name), Bounds(), target, IN_MEMORY, report=ignore)
    return [cast(str, one) async for one in again]


async def test_nothing_is_counted_beside_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unready, match="a worker engagement runs: stop all of them"):
        await rebuilt("likes", iter([RUNS]), monkeypatch)


async def test_a_worker_that_was_started_meanwhile_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Unready, match=r"was started meanwhile.* with --drop"):
        await rebuilt("comments", iter([ENDED, RUNS]), monkeypatch)


async def test_while_nobody_counts_all_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rebuilt("likes", iter([ENDED, ENDED]), monkeypatch) == ["likes"]


async def test_what_is_not_counted_asks_for_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rebuilt("posts", iter([]), monkeypatch) == ["posts"]


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
