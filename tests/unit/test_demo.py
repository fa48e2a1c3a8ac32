"""The demo waits for what moves, tells what stands still, and keeps what was done before."""

import asyncio
from typing import Any, cast

import pytest

from instastream import demo
from instastream.client import Client, Json
from instastream.demo import Posted, run_demo
from instastream.errors import InstastreamError
from instastream.stores.memory import MemoryLog

STILL_S = 1


class Reader:
    """A user who sees a video become ready, a percent at each look."""

    def __init__(self, percents: list[int]) -> None:
        self.percents = percents

    async def post(self, post_id: str) -> Json:
        await asyncio.sleep(STILL_S / 10)
        percent = self.percents.pop(0) if len(self.percents) > 1 else self.percents[0]
        status = "ready" if percent == 100 else "processing"
        return {"id": post_id, "status": status, "media": [{"percent": percent}]}

    async def feed(self, *, limit: int) -> Json:
        return {"posts": [{"id": "1"}]}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "STILL_TIMEOUT_S", STILL_S)


def posted() -> Posted:
    post = {"id": "1", "status": "processing", "media": [{"percent": None}]}
    return Posted(name="clip.mp4", author="ada", uploaded_bytes=1, finalized_ms=1, post=post)


async def watch(percents: list[int]) -> Posted:
    one, reader = posted(), cast(Client, Reader(percents))
    await demo._watch(one, {"ada": reader, "bob": reader})
    return one


async def test_a_slow_video_is_waited_for_as_long_as_it_moves() -> None:
    one = await watch([*range(0, 100, 5), 100])
    assert one.post["status"] == "ready"
    assert one.visible_ms


async def test_a_video_that_stands_still_is_told_with_its_percent() -> None:
    with pytest.raises(InstastreamError, match=r"clip\.mp4 .*moved for 1 s: processing, 7 %"):
        await watch([3, 7])


async def test_what_was_done_before_a_failure_is_in_the_summary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = posted()

    async def joined(*_: object) -> Any:
        return {}

    async def fails(_http: object, _users: object, posts: list[Posted], _report: object) -> None:
        posts.append(done)
        raise InstastreamError("the second is stuck")

    monkeypatch.setattr(demo, "_join_all", joined)
    monkeypatch.setattr(demo, "_post_all", fails)
    summary = await run_demo("http://127.0.0.1:1", MemoryLog(), lambda *step: None)
    assert summary.posts == [done]
    assert summary.failure == "the second is stuck"


async def test_an_api_that_is_away_is_a_failure_in_words() -> None:
    summary = await run_demo("http://127.0.0.1:1", MemoryLog(), lambda *step: None)
    assert summary.failure
    assert summary.posts == []
