"""A little of all counters, recounted from time to time."""

from collections.abc import Sequence
from contextlib import suppress
from random import Random

import pytest

from instastream.auditing import recounting, watching
from instastream.auditing.drift import Drift
from instastream.auditing.watching import Watch
from instastream.counting import Mark
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.stores.audits import Recount
from instastream.stores.counters import Place
from instastream.stores.counts import Kind
from tests.conftest import measured
from tests.flow.counting_world import (
    HISTORY,
    POST,
    happen,
    memory,
    miscount,
    new_id,
)


async def test_the_chore_counts_what_it_finds_and_changes_nothing(
    deps: Deps, caplog: pytest.LogCaptureFixture
) -> None:
    await happen(deps, *HISTORY)
    await miscount(deps, says=7)

    def drift(kind: str) -> float:
        return measured("count_drift_total", kind=kind)

    before = drift("likes")
    audits = await Watch(Random(1))(deps)
    assert [one.shards for one in audits] == [1, 2]
    assert (drift("likes"), drift("comments")) == (before + 1, 0)
    assert "a counter is wrong" in caplog.text
    assert memory(deps).counted[Place(POST)].count == 7


async def count_some(deps: Deps, subjects: int, *, shards: int = 1) -> list[Place]:
    """Each of posts of their own, with one like."""
    places = [Place(new_id(), shard) for _ in range(subjects) for shard in range(shards)]
    mark = Mark(member="1", place=9, version=1, at_ms=1)
    await deps.likes.apply({place: [mark] for place in places})
    return places


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is of three shards."""
    monkeypatch.setattr(watching, "SHARDS_MAX", 3)
    monkeypatch.setattr(recounting, "JUDGED_TOGETHER", 1)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """What was looked at, in turn."""
    places: list[Place] = []

    async def see(kind: Kind, recounts: Sequence[Recount], deps: Deps) -> list[Drift]:
        places.extend(one.place for one in recounts)
        return []

    monkeypatch.setattr(watching, "judge", see)
    return places


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("seed", range(4))
async def test_runs_are_bounded_and_go_round_in_order(
    deps: Deps, seed: int, seen: list[Place]
) -> None:
    places = await count_some(deps, 12)
    watch = Watch(Random(seed))
    for run in range(1, 9):
        await watch(deps)
        assert len(seen) == 3 * run
    assert sorted(seen[:12]) == sorted(places)
    assert seen[12:] == seen[:12]


@pytest.mark.usefixtures("little")
async def test_each_process_begins_elsewhere(deps: Deps, seen: list[Place]) -> None:
    await count_some(deps, 12)
    for seed in range(9):
        await Watch(Random(seed))(deps)
    assert len(set(seen[::3])) > 3


@pytest.mark.usefixtures("little")
async def test_a_run_that_fails_is_repeated(
    deps: Deps, seen: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    places = await count_some(deps, 12)
    watch = Watch(Random(1))
    await watch(deps)
    with monkeypatch.context() as patch:
        patch.setattr(watching, "judge", away)
        with pytest.raises(Unavailable):
            await watch(deps)
    for _ in range(3):
        await watch(deps)
    assert sorted(seen) == sorted(places)


@pytest.mark.usefixtures("little")
async def test_what_can_never_be_read_is_gone_past(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All likes but these, and all comments, are looked at nonetheless."""
    seen: list[Place] = []
    await happen(deps, *HISTORY)
    [unreadable, *others] = await count_some(deps, 12)

    async def judge(kind: Kind, recounts: Sequence[Recount], deps: Deps) -> list[Drift]:
        if any(one.place == unreadable for one in recounts):
            raise Unavailable("cassandra", "it timed out")
        seen.extend(one.place for one in recounts)
        return []

    monkeypatch.setattr(watching, "judge", judge)
    watch = Watch(Random(1))
    for _ in range(60):
        with suppress(Unavailable):
            await watch(deps)
    assert {*others, Place(POST)} <= set(seen)


async def away(*_: object) -> list[Drift]:
    raise Unavailable("cassandra", "away")


@pytest.mark.usefixtures("little")
async def test_once_round_each_shard_that_is_lost_was_found(deps: Deps) -> None:
    places = await count_some(deps, 6, shards=2)
    await deps.likes.publish(await deps.likes.apply({place: [] for place in places}))
    lost = places[1::2]
    for place in lost:
        del memory(deps).counted[place], memory(deps).members[place]
    watch = Watch(Random(1))
    drift = [one for _ in range(3) for audit in await watch(deps) for one in audit.drift]
    assert {Place(one.subject_id, one.shard) for one in drift if one.shard} == set(lost)
