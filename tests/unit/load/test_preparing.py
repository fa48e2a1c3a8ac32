"""What is there before a load, also where the system is too busy to answer at once."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from instastream.client import Refused
from instastream.load.checks.histories import Entry, read, writing
from instastream.load.checks.oracle import Oracle
from instastream.load.over_http import preparing
from instastream.load.over_http.asking import Api, Person
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.doing import Doer
from instastream.load.over_http.post_ids import PostIds
from instastream.load.over_http.preparing import Preparing, newcomers
from instastream.load.over_http.wire import Lost, Web
from instastream.load.scenario.media import Original
from instastream.load.scenario.plans import Plan, graph_of
from instastream.load.scenario.scenarios import Media, load_scenario
from instastream.steps import ignore

SCENARIO = replace(load_scenario("smoke"), posts=1, private=0, media=Media())
FIRST_ID = 1_000_000_000_000_000_000


class Busy(Api):
    """Makes every post, and does not say so of the first."""

    def __init__(self) -> None:
        super().__init__("", Web())
        self.made: dict[str, object] = {}  # by the key, what was asked
        self._uploads = 0

    async def join(self, person: Person) -> None:
        person.id = person.name

    async def upload(self, person: Person, original: Original) -> str:
        self._uploads += 1
        return f"upload {self._uploads}"

    async def call(self, person: Person | None, method: str, path: str, **asked: Any) -> Any:
        if path != "/v1/posts":
            return {"state": "following", "status": "ready", "posts": [], "next_cursor": None}
        if self.made.setdefault(asked["key"], asked["body"]) != asked["body"]:
            raise Refused(409, {"type": "/problems/idempotency-key-reused"})
        if len(self.made) == 1:
            raise Lost("503")
        return {"id": str(FIRST_ID + len(self.made))}


async def test_a_post_that_nobody_heard_of_is_made_again_as_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "TRY_S", 0)
    api, graph, history = Busy(), graph_of(SCENARIO), tmp_path / "load.before.jsonl"
    plan, people = Plan(SCENARIO, graph), newcomers(SCENARIO.users, run="ab")
    header, clock = Entry(phase="header", at_ms=0, version=2), Clock.started()
    noting = writing(history, header, now_ms=clock.now_ms)
    with noting as notes, PostIds.made(tmp_path / "posts", 1) as posts:
        doer = Doer(SCENARIO, api, people, posts, notes, clock)
        await Preparing(doer).run(graph, plan, ignore)
        known = posts[0]
    oracle = Oracle()
    for entry in read(history):
        oracle.take(entry)
    author = oracle.users[people[plan.authors[0]].id]
    assert len(api.made) == 2
    assert (author.posts, author.unknown_posts) == ([known], 1)
