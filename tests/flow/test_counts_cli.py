"""`instastream counts audit`: what it finds, what it repairs, and what it says."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace as with_deps

import pytest
from msgspec.structs import replace

from instastream import counts_cli, shell
from instastream.auditing.proving import Sample
from instastream.counting import Shard
from instastream.counts_cli import Audited
from instastream.deps import Deps, memory_deps
from instastream.errors import InstastreamError, Rejected
from instastream.handlers.engagement import like_marks
from instastream.ids import PostId
from instastream.images.pool import RenderPool
from instastream.settings import Settings
from instastream.stores.audits import Arc, Recount
from instastream.stores.counters import Place
from instastream.stores.memory_audits import MemoryAudits
from instastream.stores.memory_counters import MemoryCounters
from instastream.terminal import Steps
from tests.conftest import IN_MEMORY
from tests.flow.counting_world import (
    ADA,
    COMMENT,
    HISTORY,
    POST,
    REPLY,
    happen,
    liked,
    memory,
    miscount,
    new_id,
)
from tests.stores.test_posts import finalized


async def audit(
    deps: Deps,
    monkeypatch: pytest.MonkeyPatch,
    *,
    post: PostId | None = None,
    sample: int = 0,
    repair: bool = False,
) -> Audited:
    """What the command does."""

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[Deps]:
        yield deps

    monkeypatch.setattr(counts_cli, "open_deps", opened)
    monkeypatch.setattr(counts_cli, "alone", lambda _: nullcontext())
    chosen = Sample(sample, seed=1)
    return await counts_cli._audit(IN_MEMORY, Steps(), post, chosen, repair=repair)


def found(audited: Audited) -> list[tuple[str, str, str, int, int, bool]]:
    return [
        (one.kind, one.subject_id, one.what, one.says, one.is_, one.repaired)
        for one in audited.audit.drift
    ]


async def shown(deps: Deps) -> Shard:
    """What Redis has of the post's likes."""
    total = next(iter((await deps.counts.totals("likes", [POST])).values()))
    return Shard(count=total.count, size=total.size, version=total.version, at_ms=total.at_ms)


async def test_what_was_counted_by_events_is_right(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(deps, *HISTORY)
    audited = await audit(deps, monkeypatch, sample=10)
    assert audited.proof
    assert (audited.wrong, audited.audit.shards, audited.audit.members) == (0, 3, 6)
    assert (audited.proof.subjects, audited.proof.events) == (3, 9)


async def test_a_wrong_count_is_found_shown_and_repaired(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(deps, *HISTORY)
    await miscount(deps, says=7)
    for _ in range(2):
        audited = await audit(deps, monkeypatch)
        assert found(audited) == [("likes", POST, "count", 7, 2, False)]
        assert audited.wrong == 1
    audited = await audit(deps, monkeypatch, repair=True)
    assert found(audited) == [("likes", POST, "count", 7, 2, True)]
    assert audited.wrong == 0
    assert (await audit(deps, monkeypatch)).audit.drift == []
    assert (await shown(deps)).count == 2


async def test_a_total_that_is_shown_wrong_is_found_and_repaired(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(deps, *HISTORY)
    [total] = (await deps.likes.totals({POST: 1})).values()
    await deps.counts.publish("likes", [replace(total, count=5)])
    assert found(await audit(deps, monkeypatch)) == [("likes", POST, "shown", 5, 2, False)]
    audited = await audit(deps, monkeypatch, repair=True)
    assert found(audited) == [("likes", POST, "shown", 5, 2, True)]
    assert (await shown(deps)).count == 2


async def test_a_total_that_stays_behind_is_found_and_one_that_follows_is_not(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if follows:
            await deps.counts.publish("likes", (await deps.likes.totals({POST: 1})).values())

    await happen(deps, *HISTORY)
    record = await deps.log.append(liked(ADA))
    await deps.likes.apply({place: [mark] for place, mark in like_marks(record, 0)})
    slow = with_deps(deps, sleep=sleep)
    follows = False
    assert found(await audit(slow, monkeypatch)) == [("likes", POST, "shown", 2, 3, False)]
    assert len(waits) == 3
    follows = True
    assert found(await audit(slow, monkeypatch)) == []


async def test_one_post_is_audited_with_its_comments_and_replies(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(deps, *HISTORY)
    assert isinstance(deps.comment_ids, MemoryCounters)
    await miscount(deps, says=8)
    replies = deps.comment_ids.counted
    replies[Place(COMMENT)] = replace(replies[Place(COMMENT)], size=8)
    assert found(await audit(deps, monkeypatch, post=POST)) == [
        ("likes", POST, "count", 8, 2, False),
        ("comments", COMMENT, "size", 8, 1, False),
        ("comments", COMMENT, "shown", 1, 8, False),
    ]


@pytest.mark.parametrize("sample", [0, 10])
async def test_a_post_that_is_not_there_is_not_said_to_be_right(
    deps: Deps, monkeypatch: pytest.MonkeyPatch, sample: int
) -> None:
    await happen(deps, *HISTORY)
    for nothing in (PostId(REPLY), PostId(new_id())):
        with pytest.raises(Rejected, match=f"there is no post {nothing}"):
            await audit(deps, monkeypatch, post=nothing, sample=sample)


async def test_a_post_of_which_nothing_is_counted_yet_is_right(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_id = PostId(new_id())
    await deps.posts.record_finalized(finalized(post_id, ADA))
    audited = await audit(deps, monkeypatch, post=post_id)
    assert (audited.wrong, audited.audit.shards) == (0, 0)


class Stuck(MemoryAudits):
    """Stands still in the second half of the ring."""

    async def recounts(self, arc: Arc) -> AsyncIterator[Recount]:
        if arc.after >= 0:
            await asyncio.Event().wait()
        async for one in super().recounts(arc):
            yield one


async def test_who_stops_it_is_told_how_far_it_was(
    deps: Deps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await happen(deps, *HISTORY)
    stuck = with_deps(deps, audits={**deps.audits, "likes": Stuck(memory(deps))})
    task = asyncio.create_task(audit(stuck, monkeypatch))
    for _ in range(10_000):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "shards were recounted, 0 things wrong" in capsys.readouterr().err


def test_drift_that_stays_is_an_error_and_json_is_for_machines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: object, **__: object) -> Audited:
        async with memory_deps(IN_MEMORY, RenderPool()) as deps:
            await happen(deps, *HISTORY)
            await miscount(deps, says=7)
            return await audit(deps, monkeypatch)

    monkeypatch.setattr(shell, "settings", lambda: IN_MEMORY)
    with pytest.raises(InstastreamError, match="1 things are wrong with counters: --repair makes"):
        auditing_with(broken, monkeypatch)
    [drift] = json.loads(capsys.readouterr().out)["audit"]["drift"]
    assert (drift["subject_id"], drift["says"], drift["is"]) == (POST, 7, 2)


def auditing_with(work: Callable[..., Awaitable[Audited]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, as `--json`."""
    real = counts_cli._audit
    with monkeypatch.context() as patched:

        async def once(*args: object, **kwargs: object) -> Audited:
            patched.setattr(counts_cli, "_audit", real)
            return await work()

        patched.setattr(counts_cli, "_audit", once)
        counts_cli.audit(as_json=True)
