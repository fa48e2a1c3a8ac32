"""A little of all counters, recounted from time to time."""

import pytest
from prometheus_client import REGISTRY

from instastream.auditing import recounting, watching
from instastream.auditing.watching import audit_some
from instastream.counting import Mark
from instastream.deps import Deps
from instastream.stores.audits import RING
from instastream.stores.counters import Place
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
        return REGISTRY.get_sample_value("instastream_count_drift_total", {"kind": kind}) or 0

    before = drift("likes")
    audits = await audit_some(deps)
    assert [one.shards for one in audits] == [1, 2]
    assert (drift("likes"), drift("comments")) == (before + 1, 0)
    assert "a counter is wrong" in caplog.text
    assert memory(deps).counted[Place(POST)].count == 7


async def test_a_run_of_the_chore_is_bounded_and_runs_come_around(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "SHARDS_MAX", 3)
    monkeypatch.setattr(recounting, "JUDGED_TOGETHER", 1)
    places = [Place(new_id()) for _ in range(10)]
    for place in places:
        await deps.likes.apply({place: [Mark(member="1", place=9, version=1, at_ms=1)]})
    for after in (RING.after, 0, RING.until - 1):
        assert (await watching.audit_from("likes", after, deps)).shards == 3
