"""What a follower's feed shows of a new post, whatever it answers."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from instastream.client import Refused
from instastream.load.checks.histories import Entry, read, writing
from instastream.load.over_http import watching
from instastream.load.over_http.asking import Api, Person
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.doing import Doer
from instastream.load.over_http.post_ids import PostIds
from instastream.load.over_http.watching import Watching
from instastream.load.over_http.wire import Lost, Web
from instastream.load.reporting.spreads import Recorder, Spreads
from instastream.load.scenario.media import Original
from instastream.load.scenario.plans import Operation, Plan, graph_of
from instastream.load.scenario.scenarios import Media, PowerLaw, load_scenario

POST = "1000000000000000007"
SCENARIO = replace(
    load_scenario("smoke"), posts=0, graph=PowerLaw(followees_mean=19), media=Media()
)
HEADER = Entry(phase="header", at_ms=0, version=2)
ABSENT: dict[str, Any] = {"posts": [], "next_cursor": None}
THERE = ABSENT | {"posts": [{"id": POST}]}


class Answering(Api):
    """Makes every post, and answers whoever reads a feed one thing after another."""

    def __init__(self, *feeds: Any) -> None:
        super().__init__("", Web())
        self._feeds = list(feeds)

    async def call(self, person: Person | None, method: str, path: str, **_: object) -> Any:
        if path == "/v1/posts":
            return {"id": POST}
        answer = self._feeds.pop(0) if len(self._feeds) > 1 else self._feeds[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def upload(self, person: Person, original: Original) -> str:
        return "an upload"


async def watched(folder: Path, *feeds: Any) -> tuple[Spreads, list[Entry]]:
    """What is measured of a post that somebody makes, and what is written of the watch."""
    clock, spreads = Clock.started(), Spreads()
    recorder = Recorder(clock.unix_ms)
    people = [Person(f"user-{number}", "", id=f"{number}") for number in range(SCENARIO.users)]
    history = folder / "load.0.jsonl"
    noting = writing(history, HEADER, now_ms=clock.now_ms)
    with noting as notes, PostIds.made(folder / "posts", 1) as posts:
        doer = Doer(SCENARIO, Answering(*feeds), people, posts, notes, clock)
        watching = Watching(doer, Plan(SCENARIO, graph_of(SCENARIO)), recorder)
        posting = Operation(0, 0.0, "post", 0, 0)
        assert (await watching.do(posting, due_ms=clock.now_ms())).phase == "ok"
        await watching.close()
    spreads.add(recorder.take())
    return spreads, [entry for entry in read(history) if entry.kind == "visible"]


async def test_a_post_is_watched_until_a_follower_sees_it(tmp_path: Path) -> None:
    spreads, entries = await watched(tmp_path, ABSENT, ABSENT, THERE)
    assert spreads.by_kind()["visible"].ok == 1
    assert spreads.by_kind()["visible"].p50 >= 2 * 1_000 * watching.LOOK_S
    assert [(entry.phase, entry.post) for entry in entries] == [("invoked", POST), ("ok", UNSET)]
    assert entries[0].user != "0"


@pytest.mark.parametrize(
    "feed",
    [
        ABSENT,
        Lost("the connection broke"),
        Refused(403, {}),
        TypeError("a problem that is a list"),
        {"posts": [{}]},
        None,
    ],
    ids=["never", "lost", "refused", "odd", "another shape", "nothing"],
)
async def test_a_post_that_is_not_shown_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feed: object
) -> None:
    monkeypatch.setattr(watching, "WATCHED_S", 0.2)
    spreads, entries = await watched(tmp_path, feed)
    assert spreads.by_kind()["visible"].unknown == 1
    assert [entry.phase for entry in entries] == ["invoked", "unknown"]
