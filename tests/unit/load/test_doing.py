"""What an operation comes to, whatever the API answers, and what is written of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instastream.client import Refused
from instastream.errors import Unready
from instastream.load.checks.histories import Entry, read, writing
from instastream.load.jsonlines import Writer
from instastream.load.over_http.asking import Api, Person
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.doing import Doer, Outcome
from instastream.load.over_http.post_ids import PostIds
from instastream.load.over_http.wire import Answer, Lost, Web
from instastream.load.scenario.plans import NOTHING, Operation
from instastream.load.scenario.scenarios import load_scenario

POST = "1000000000000000007"
SCENARIO = load_scenario("smoke")
PEOPLE = [Person(f"user-{number}", "", id=str(number)) for number in range(3)]
SHOWN = {
    "id": POST,
    "author_id": "2",
    "like_count": 3,
    "comment_count": 1,
    "liked": True,
    "as_of": "2026-01-02T03:04:05Z",
    "media": [],
}


class Answering(Api):
    """Answers everything with the same."""

    def __init__(self, answer: object) -> None:
        super().__init__("", Web())
        self._answer = answer

    async def call(self, person: Person | None, method: str, path: str, **_: object) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class Expiring(Answering):
    """Shows an image at an address that works twice."""

    def __init__(self) -> None:
        super().__init__(None)
        self.reads = self.fetches = 0

    async def call(self, *_: object, **__: object) -> Any:
        self.reads += 1
        return SHOWN | {"media": [{"image": {"url": f"http://edge/{self.reads}"}}]}

    async def fetch(self, url: str) -> Answer:
        self.fetches += 1
        if self.fetches > 2 * self.reads:
            raise Refused(410, {})
        return Answer(200, {}, b"an image")


@pytest.fixture
def posts(tmp_path: Path) -> Iterator[PostIds]:
    """The first and the last are there, the one between is not."""
    with PostIds.made(tmp_path / "posts", 3) as posts:
        posts[0] = posts[2] = POST
        yield posts


async def done(
    operation: Operation, answer: object, posts: PostIds, folder: Path
) -> tuple[Outcome, list[Entry]]:
    """What came of it, and what is written."""
    history = folder / "load.0.jsonl"
    header, clock = Entry(phase="header", at_ms=0, version=2), Clock.started()
    with writing(history, header, now_ms=clock.now_ms) as notes:
        doer = Doer(SCENARIO, Answering(answer), PEOPLE, posts, notes, clock)
        outcome = await doer.do(operation, due_ms=5.0)
    return outcome, list(read(history))[1:-1]


async def test_what_was_read_is_written_as_it_was_shown(tmp_path: Path, posts: PostIds) -> None:
    outcome, (invoked, ok) = await done(
        Operation(4, 0.0, "read_post", 1, 0), SHOWN, posts, tmp_path
    )
    assert outcome == Outcome("ok")
    assert (invoked.phase, invoked.op, invoked.due_ms) == ("invoked", 4, 5.0)
    assert (invoked.user, invoked.post) == ("1", POST)
    [seen] = ok.seen or []
    assert (ok.phase, seen.post, seen.author, seen.likes) == ("ok", POST, "2", 3)
    assert seen.as_of_ms == 1_767_323_045_000


@pytest.mark.parametrize(
    ("answer", "outcome", "said"),
    [
        (
            Refused(429, {"type": "/problems/too-many-likes"}),
            Outcome("failed", "429 too-many-likes"),
            429,
        ),
        (Refused(404, {}), Outcome("failed", "404 no-problem"), 404),
        (
            Lost("the connection broke"),
            Outcome("unknown", "the connection broke"),
            "the connection broke",
        ),
    ],
)
async def test_what_was_refused_changed_nothing_and_what_was_lost_may_have(
    tmp_path: Path, posts: PostIds, answer: Exception, outcome: Outcome, said: object
) -> None:
    came, (_, end) = await done(Operation(4, 0.0, "like", 1, 0), answer, posts, tmp_path)
    assert came == outcome
    assert (end.phase, end.status or end.error) == (outcome.phase, said)


@pytest.mark.parametrize("answer", [None, [], {}, {"posts": [{}]}, SHOWN | {"as_of": "soon"}])
async def test_an_answer_of_another_shape_is_unknown(
    tmp_path: Path, posts: PostIds, answer: object
) -> None:
    outcome, (_, end) = await done(Operation(4, 0.0, "read_post", 1, 0), answer, posts, tmp_path)
    assert (outcome.phase, end.phase) == ("unknown", "unknown")


async def test_an_image_whose_address_is_over_is_looked_for_in_its_post_again(
    tmp_path: Path, posts: PostIds
) -> None:
    api = Expiring()
    with Writer(tmp_path / "load.0.jsonl") as notes:
        doer = Doer(SCENARIO, api, PEOPLE, posts, notes, Clock.started())
        fetches = [Operation(number, 0.0, "fetch", 1, 0) for number in range(4)]
        phases = [(await doer.do(fetch, due_ms=5.0)).phase for fetch in fetches]
    assert phases == ["ok", "ok", "failed", "ok"]
    assert api.reads == 2


async def test_a_fault_of_ones_own_is_none_of_the_systems(tmp_path: Path, posts: PostIds) -> None:
    with pytest.raises(Unready):
        await done(Operation(4, 0.0, "like", 1, 0), Unready("not this machine"), posts, tmp_path)


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (Operation(4, 0.0, "like", 1, 0), ""),
        (Operation(4, 0.0, "like", 1, 1), "no-subject"),
        (Operation(4, 0.0, "delete_post", -1, NOTHING), "no-subject"),
        (Operation(4, 0.0, "read_feed", 1), ""),
        (Operation(4, 0.0, "post", 1, 1), ""),
    ],
)
def test_what_is_about_a_post_that_nobody_knows_is_not_begun(
    tmp_path: Path, posts: PostIds, operation: Operation, why: str
) -> None:
    with Writer(tmp_path / "load.0.jsonl") as notes:
        doer = Doer(SCENARIO, Answering(None), PEOPLE, posts, notes, Clock.started())
        assert doer.hindrance(operation) == why
