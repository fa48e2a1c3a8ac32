"""What must be, by a history, and what only may be."""

from itertools import count
from typing import Any

import pytest

from instastream.errors import InstastreamError
from instastream.load.checks.histories import Entry, Kind, Phase, Seen
from instastream.load.checks.oracle import Bounds, Oracle
from instastream.load.checks.reads import Reads

LOST = -1.0


class Telling:
    """A history, told operation by operation, and what it leads to."""

    def __init__(self) -> None:
        self.oracle = Oracle()
        self._reads = Reads(self.oracle)
        self._lines: list[Entry] = []
        self._ops = count(1)

    def tell(
        self, kind: Kind, user: str, span: tuple[float, float], answer: Any = None, **asked: Any
    ) -> None:
        """What was asked, from when to when; `LOST` where no answer came."""
        began, ended = span
        op = next(self._ops)
        self._lines.append(
            Entry(phase="invoked", op=op, kind=kind, at_ms=began, user=user, **asked)
        )
        if ended != LOST:
            phase: Phase = "failed" if answer == 404 else "ok"
            told = {"status": 404} if answer == 404 else answer or {}
            self._lines.append(Entry(phase=phase, op=op, kind=kind, at_ms=ended, **told))

    def end(self) -> list[str]:
        """All of it was done; returns the rules that reads broke."""
        broken: list[str] = []
        for entry in sorted(self._lines, key=lambda entry: entry.at_ms):
            if asked := self.oracle.take(entry):
                broken += [one.rule for one in self._reads.judge(asked, entry)]
        return broken

    def posts(self, *ids: str, since: float) -> None:
        """By ada, one after the other."""
        for at, post_id in enumerate(ids):
            self.tell("post", "ada", (since + 2 * at, since + 2 * at + 1), {"post": post_id})


def test_what_was_posted_before_a_follow_is_owed_and_what_was_posted_later() -> None:
    it = Telling()
    it.posts("1", "2", since=0)
    it.tell("follow", "bob", (100, 101), other="ada")
    it.posts("3", since=200)
    it.end()
    assert it.oracle.owed("bob") == {"1", "2", "3"}


def test_a_post_that_nobody_was_told_of_is_not_owed() -> None:
    it = Telling()
    it.posts("1", since=0)
    it.tell("post", "ada", (50, LOST))
    it.tell("follow", "bob", (100, 101), other="ada")
    it.end()
    assert it.oracle.owed("bob") == {"1"}


def test_of_whom_someone_may_have_stopped_to_follow_nothing_is_owed() -> None:
    it = Telling()
    it.posts("1", since=0)
    it.tell("follow", "bob", (100, 101), other="ada")
    it.tell("unfollow", "bob", (200, LOST), other="ada")
    it.end()
    assert it.oracle.owed("bob") == set()


def test_a_repeated_request_made_one_post() -> None:
    it = Telling()
    it.tell("post", "ada", (1, LOST), key="k")
    it.tell("post", "ada", (2, 3), {"post": "1"}, key="k")
    it.posts("2", since=10)
    it.tell("follow", "bob", (100, 101), other="ada")
    it.end()
    assert it.oracle.owed("bob") == {"1", "2"}


@pytest.mark.parametrize("answer", [{"status": 202}, {"why": "requested"}])
def test_who_only_asked_to_follow_follows_nobody(answer: dict[str, object]) -> None:
    it = Telling()
    it.tell("follow", "bob", (1, 2), answer, other="ada")
    it.end()
    assert not it.oracle.follows("bob", "ada").may


def test_a_follow_while_an_account_becomes_private_is_uncertain() -> None:
    it = Telling()
    it.tell("private", "ada", (1, 5))
    it.tell("follow", "bob", (2, 3), other="ada")
    it.tell("follow", "cid", (6, 7), other="ada")
    it.posts("1", since=10)
    it.end()
    assert it.oracle.owed("bob") == set()
    assert it.oracle.follows("bob", "ada").may
    assert not it.oracle.hidden("bob", "ada")
    assert it.oracle.hidden("cid", "ada")


def test_counts_are_intervals_where_something_is_unknown() -> None:
    it = Telling()
    it.tell("like", "bob", (1, 2), post="1")
    it.tell("like", "cid", (1, LOST), post="1")
    it.tell("like", "dan", (1, 3), post="1")
    it.tell("unlike", "dan", (2, 4), post="1")
    for user, comment in (("bob", "7"), ("cid", "8")):
        it.tell("comment", user, (1, 2), {"comment": comment}, post="1")
    it.tell("comment", "dan", (1, LOST), post="1")
    it.tell("comment", "eve", (1, 2), 404, post="1")
    it.tell("delete_comment", "bob", (5, LOST), post="1", comment="7")
    it.end()
    assert it.oracle.like_bounds("1") == Bounds(1, 3)
    assert it.oracle.comment_bounds("1") == Bounds(1, 3)


def test_a_deleted_comment_counts_no_more() -> None:
    it = Telling()
    it.tell("comment", "bob", (1, 2), {"comment": "7"}, post="1")
    it.tell("delete_comment", "bob", (3, 4), post="1", comment="7")
    it.end()
    assert it.oracle.comment_bounds("1") == Bounds(0, 0)


@pytest.mark.parametrize(("began", "broken"), [(1.5, []), (3, ["own-post"])])
def test_an_own_post_is_owed_to_reads_that_begin_after_its_answer(
    began: float, broken: list[str]
) -> None:
    for kind, answer in (("read_post", 404), ("read_timeline", {"seen": [], "next": None})):
        it = Telling()
        it.tell("post", "ada", (1, 2), {"post": "1"})
        asked = {"post": "1"} if kind == "read_post" else {"other": "ada", "limit": 3}
        it.tell(kind, "ada", (began, 4), answer, **asked)  # type: ignore[arg-type]
        assert it.end() == broken


@pytest.mark.parametrize(("began", "broken"), [(1.5, []), (3, ["own-like"])])
def test_an_own_like_is_owed_to_reads_that_begin_after_its_answer(
    began: float, broken: list[str]
) -> None:
    it = Telling()
    it.tell("like", "bob", (1, 2), post="1")
    it.tell("read_post", "bob", (began, 4), {"seen": [Seen("1", "ada", 0, 0, False, None)]})
    assert it.end() == broken


def test_what_ends_without_having_begun_is_no_history() -> None:
    with pytest.raises(InstastreamError, match="operation 7 ends and never began"):
        Oracle().take(Entry(phase="ok", op=7, kind="like", at_ms=1))
    oracle, entry = Oracle(), Entry(phase="invoked", op=7, kind="like", at_ms=1, user="a", post="1")
    oracle.take(entry)
    with pytest.raises(InstastreamError, match="operation 7 is invoked twice"):
        oracle.take(entry)
