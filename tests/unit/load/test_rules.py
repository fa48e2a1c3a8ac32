"""Every rule that is broken is found, and what tells of it is in the evidence."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from instastream.load.checks.histories import Entry, Kind
from instastream.load.checks.violations import RULES
from tests.unit.load.living import USERS, Deed, Life
from tests.unit.load.test_exactness import checked
from tests.unit.load.world import Json, Tamper, World, untouched

ON_SERVERS = {"lag", "dead-letter", "lost-media", "orphan"}  # tests/cluster/test_checking.py


class Story(NamedTuple):
    """What was done, and to what."""

    world: World
    history: list[Entry]
    first: str  # ada's, which bob likes and comments on
    second: str  # ada's
    poison: str
    deleted: str
    private: str  # cid's


def deed(kind: Kind, user: str, *, other: str = "", choice: int = 0, flag: bool = False) -> Deed:
    """Something that is answered before the next thing begins."""
    return Deed(
        kind=kind,
        user=user,
        other=other,
        choice=choice,
        gap_ms=100,
        takes_ms=(10, 10),
        outcome="ok",
        delay_ms=0,
        limit=2,
        flag=flag,
    )


def told() -> Story:
    """Of ada, whom bob follows, and of cid, whose account is private."""
    world = World(USERS)
    history = Life(world).live(
        [
            deed("follow", "bob", other="ada"),
            deed("post", "ada"),
            deed("post", "ada"),
            deed("post", "ada", flag=True),
            deed("post", "ada"),
            deed("delete_post", "ada"),
            deed("post", "cid"),
            deed("private", "cid", flag=True),
            deed("like", "bob", choice=4),
            deed("comment", "bob", choice=4),
            deed("read_post", "bob", choice=4),
            deed("post", "ada"),
            deed("read_feed", "bob"),
            deed("read_feed", "bob", choice=0),
            deed("read_timeline", "ada"),
        ]
    )
    return Story(world, history, *list(world.posts)[:5])


Case = Callable[[Story], Tamper]


def no_post(whose: str) -> Case:
    """A post is not there for whoever made it."""
    return lambda story: (
        lambda path, answer: None if path == f"ada /v1/posts/{getattr(story, whose)}" else answer
    )


def other_post(**fields: object) -> Case:
    """What bob sees of the post that he liked is not so."""

    def case(story: Story) -> Tamper:
        def tamper(path: str, answer: Json | None) -> Json | None:
            if answer and path.startswith("bob") and "posts" in answer:
                posts = [
                    one | fields if one["id"] == story.first else one for one in answer["posts"]
                ]
                return answer | {"posts": posts}
            return answer

        return tamper

    return case


def status(whose: str, status: str) -> Case:
    """A post has another status for whoever made it."""
    return lambda story: (
        lambda path, answer: (
            answer | {"status": status}
            if answer and path == f"ada /v1/posts/{getattr(story, whose)}"
            else answer
        )
    )


def in_feed(reader: str, whose: str) -> Case:
    """A post is at the top of somebody's feed."""

    def case(story: Story) -> Tamper:
        post_id = getattr(story, whose)

        def tamper(path: str, answer: Json | None) -> Json | None:
            if answer and path == f"{reader} /v1/feed":
                shown = story.world.shown(reader, post_id)
                rest = [one for one in answer["posts"] if one["id"] != post_id]
                posts = sorted([shown, *rest], key=lambda one: one["id"], reverse=True)
                return answer | {"posts": posts}
            return answer

        return tamper

    return case


def invented(story: Story) -> Tamper:
    """A post of ada's that nobody made is in bob's feed."""

    def tamper(path: str, answer: Json | None) -> Json | None:
        if answer and path == "bob /v1/feed":
            return answer | {"posts": [answer["posts"][0] | {"id": "9" * 19}, *answer["posts"]]}
        return answer

    return tamper


def missing(story: Story) -> Tamper:
    """Bob's feed lacks a post."""

    def tamper(path: str, answer: Json | None) -> Json | None:
        if answer and path == "bob /v1/feed":
            return answer | {"posts": answer["posts"][1:]}
        return answer

    return tamper


def leaked(story: Story) -> Tamper:
    """Whoever asks is shown a private account's post."""
    return lambda path, answer: (
        story.world.shown("bob", story.private)
        if path.endswith(f"/v1/posts/{story.private}")
        else answer
    )


def signed_out(story: Story) -> Tamper:
    """Bob can't sign in."""
    return lambda path, answer: None if path == "bob /v1/tokens" else answer


NOW: list[tuple[str, Case]] = [
    ("deleted-shown", in_feed("bob", "deleted")),
    ("deleted-shown", lambda story: lambda path, answer: deleted_again(story, path, answer)),
    ("poison-shown", in_feed("bob", "poison")),
    ("poison-shown", status("poison", "ready")),
    ("not-followed", in_feed("cid", "first")),
    ("private-shown", in_feed("bob", "private")),
    ("private-shown", leaked),
    ("unknown-post", invented),
    ("own-like", other_post(liked=False)),
    ("like-count", other_post(like_count=2)),
    ("like-count", other_post(like_count=0)),
    ("comment-count", other_post(comment_count=0)),
    ("comment-count", other_post(comment_count=2)),
    ("lost-user", signed_out),
    ("lost-post", no_post("first")),
    ("not-ready", status("first", "processing")),
    ("not-ready", status("first", "failed")),
    ("not-ready", status("poison", "processing")),
    ("not-in-feed", missing),
]


def deleted_again(story: Story, path: str, answer: Json | None) -> Json | None:
    """Its author finds a post that they deleted."""
    gone = path == f"ada /v1/posts/{story.deleted}"
    return story.world.shown("ada", story.deleted) if gone else answer


Tell = Callable[[Story], None]


def reads(story: Story, kind: Kind) -> list[int]:
    """Where the history tells what reads saw."""
    return [
        at
        for at, entry in enumerate(story.history)
        if entry.kind == kind and entry.phase == "ok" and entry.seen
    ]


def retell(story: Story, at: int, **fields: object) -> None:
    """Another line in the place of one."""
    story.history[at] = replace(story.history[at], **fields)


def upside_down(story: Story) -> None:
    [at, *_] = reads(story, "read_feed")
    retell(story, at, seen=list(reversed(story.history[at].seen or [])))


def twice(story: Story) -> None:
    [at, *_] = reads(story, "read_feed")
    first = (story.history[at].seen or [])[:1]
    retell(story, at, seen=first * 2)


def too_long(story: Story) -> None:
    [at, *_] = reads(story, "read_feed")
    retell(story, at - 1, limit=1)


def the_same_page(story: Story) -> None:
    first, second = reads(story, "read_feed")
    assert story.history[second - 1].cursor == story.history[first].next
    retell(story, second, seen=story.history[first].seen)


def not_in_timeline(story: Story) -> None:
    [at, *_] = reads(story, "read_timeline")
    retell(story, at, seen=(story.history[at].seen or [])[1:])


def not_found(story: Story) -> None:
    [at] = reads(story, "read_post")
    retell(story, at - 1, user="ada")
    retell(story, at, phase="failed", seen=UNSET, status=404)


def seen_post(**fields: object) -> Tell:
    def tell(story: Story) -> None:
        [at] = reads(story, "read_post")
        [one] = story.history[at].seen or []
        changed = {name: getattr(story, str(value), value) for name, value in fields.items()}
        retell(story, at, seen=[replace(one, **changed)])

    return tell


THEN: list[tuple[str, Tell]] = [
    ("order", upside_down),
    ("duplicate", twice),
    ("limit", too_long),
    ("pages", the_same_page),
    ("own-post", not_in_timeline),
    ("own-post", not_found),
    ("own-like", seen_post(liked=False)),
    ("too-many-likes", seen_post(likes=4)),
    ("deleted-shown", seen_post(post="deleted")),
    ("poison-shown", seen_post(post="poison")),
    ("private-shown", seen_post(post="private", author="cid")),
]


async def test_the_story_itself_breaks_no_rule() -> None:
    story = told()
    assert await checked(story.history, story.world, untouched) == []


@pytest.mark.parametrize(("rule", "case"), NOW)
async def test_what_is_wrong_at_the_end_is_found(rule: str, case: Case) -> None:
    story = told()
    found = {one.rule: one for one in await checked(story.history, story.world, case(story))}
    assert rule in found
    assert msgspec.json.encode(found[rule].evidence) != b"{}"


@pytest.mark.parametrize(("rule", "tell"), THEN)
async def test_what_was_wrong_meanwhile_is_found(rule: str, tell: Tell) -> None:
    story = told()
    tell(story)
    found = {one.rule: one for one in await checked(story.history, story.world)}
    assert rule in found
    assert {"op", "entries"} <= found[rule].evidence.keys()


def test_no_rule_is_left_out() -> None:
    assert {rule for rule, _ in [*NOW, *THEN]} | ON_SERVERS == set(RULES)
