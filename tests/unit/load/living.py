"""Puts load on an exact system, operation by operation, and writes the history of it."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any, Literal

from hypothesis import strategies as st
from msgspec import Struct

from instastream.load.checks.histories import Entry, Kind, Seen
from tests.unit.load.world import Json, Post, World

Outcome = Literal["ok", "refused", "lost", "late", "never", "open"]
USERS = ["ada", "bob", "cid"]
LATE_MS = 10_000.0


class Deed(Struct, frozen=True):
    """Something that a user does, and how it goes.

    `lost` happens and is not answered; `late` happens long after everybody gave up, `never` not at
    all; `open` has no end in the history.
    """

    kind: Kind
    user: str
    other: str
    choice: int  # of the posts, comments or cursors that are known then
    gap_ms: int  # since the one before began
    takes_ms: tuple[int, int]  # until it happens, and from then until it is answered
    outcome: Outcome
    delay_ms: int  # of the worker that goes on with it
    limit: int
    flag: bool  # poison, or private again


KINDS: list[Kind] = [
    "private",
    "follow",
    "follow",
    "unfollow",
    "post",
    "post",
    "post",
    "delete_post",
    "like",
    "like",
    "unlike",
    "comment",
    "delete_comment",
    "read_feed",
    "read_feed",
    "read_post",
    "read_timeline",
]
OUTCOMES: list[Outcome] = ["ok", "ok", "ok", "ok", "refused", "lost", "late", "never", "open"]

deeds = st.lists(
    st.builds(
        Deed,
        kind=st.sampled_from(KINDS),
        user=st.sampled_from(USERS),
        other=st.sampled_from(USERS),
        choice=st.integers(0, 5),
        gap_ms=st.integers(0, 30),
        takes_ms=st.tuples(st.integers(0, 40), st.integers(0, 40)),
        outcome=st.sampled_from(OUTCOMES),
        delay_ms=st.integers(0, 60),
        limit=st.integers(1, 3),
        flag=st.booleans(),
    ),
    max_size=40,
)


class Life:
    """Lets deeds happen on a world; `history` is what its load generator would have written."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now_ms = 0.0
        self.history: list[Entry] = [Entry(phase="header", at_ms=0, version=1, run="life")]
        self._order = count()
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self._ops = count(1)
        self._posts: list[str] = []  # that were acknowledged
        self._comments: list[tuple[str, str]] = []
        self._cursors: dict[str, list[str]] = {}
        for user in world.users:
            self._note("invoked", "join", op=next(self._ops), name=user, password="a password")
            self._note("ok", "join", op=self.history[-1].op, user=user)

    def live(self, deeds: list[Deed]) -> list[Entry]:
        """All of it, also what happens late."""
        begins = self.now_ms
        for deed in deeds:
            begins += deed.gap_ms
            self._at(begins, lambda deed=deed: self._begin(deed))  # type: ignore[misc]
        while self._todo:
            self.now_ms, _, act = heapq.heappop(self._todo)
            act()
        return self.history

    def _at(self, at_ms: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._todo, (at_ms, next(self._order), act))

    def _note(self, phase: Any, kind: Kind, **fields: Any) -> None:
        self.history.append(Entry(phase=phase, kind=kind, at_ms=self.now_ms, **fields))

    def _begin(self, deed: Deed) -> None:
        asked = self._asked(deed)
        if asked is None:
            return
        op = next(self._ops)
        self._note("invoked", deed.kind, op=op, user=deed.user, **asked)
        answer: Json = {}
        minted = self.world.mint()  # at any time until it happens

        def happen() -> None:
            answer.update(self._happen(deed, asked, minted))

        def end() -> None:
            phase = {"ok": "ok", "refused": "failed"}.get(deed.outcome, "unknown")
            self._note(phase, deed.kind, op=op, **(answer if phase == "ok" else {"status": 429}))
            if phase == "ok":
                self._learn(deed, asked, answer)

        until, after = deed.takes_ms
        if deed.outcome in ("ok", "lost", "open"):
            self._at(self.now_ms + until, happen)
        elif deed.outcome == "late":
            self._at(self.now_ms + LATE_MS, happen)
        if deed.outcome != "open":
            self._at(self.now_ms + until + after, end)

    def _asked(self, deed: Deed) -> Json | None:
        """None where there is nothing that it could be about."""
        match deed.kind:
            case "private":
                return {"private": deed.flag}
            case "follow" | "unfollow":
                return {"other": deed.other} if deed.other != deed.user else None
            case "post":
                return {"poison": deed.flag and deed.choice == 0}
            case "delete_post":
                mine = [one for one in self._posts if self.world.posts[one].author == deed.user]
                return {"post": _chosen(mine, deed)} if mine else None
            case "comment":
                return {"post": _chosen(self._posts, deed), "text": "hm"} if self._posts else None
            case "delete_comment":
                if not self._comments:
                    return None
                post_id, comment_id = _chosen(self._comments, deed)
                return {"post": post_id, "comment": comment_id}
            case "read_feed" | "read_timeline":
                known = ["", *self._cursors.get(f"{deed.user} {deed.kind}", [])]
                cursor = _chosen(known, deed)
                return {"limit": deed.limit} | ({"cursor": cursor} if cursor else {})
        return {"post": _chosen(self._posts, deed)} if self._posts else None

    def _happen(self, deed: Deed, asked: Json, minted: str) -> Json:
        world, user, post_id = self.world, deed.user, asked.get("post", "")
        match deed.kind:
            case "private":
                (world.private.add if deed.flag else world.private.discard)(user)
            case "follow":
                status = world.follow(user, deed.other)
                self._at(self.now_ms + deed.delay_ms, lambda: world.settle(user, deed.other))
                return {"status": status}
            case "unfollow":
                world.follows.discard((user, deed.other))
            case "post":
                world.posts[minted] = Post(user, poison=asked["poison"])
                self._at(self.now_ms + deed.delay_ms, lambda: world.become_ready(minted))
                return {"post": minted}
            case "delete_post":
                world.posts[post_id].deleted = True
            case "like":
                world.likes.add((user, post_id))
            case "unlike":
                world.likes.discard((user, post_id))
            case "comment":
                world.comments[minted] = post_id
                return {"comment": minted}
            case "delete_comment":
                world.comments.pop(asked["comment"], None)
            case "read_post":
                shown = [world.shown(user, post_id)] if world.sees(user, post_id) else []
                return {"seen": list(map(seen, shown))}
            case "read_feed":
                return self._page(asked, user, world.feed_ids(user))
            case "read_timeline":
                return self._page(asked, user, world.timeline_ids(user, user))
        return {}

    def _page(self, asked: Json, user: str, ids: list[str]) -> Json:
        cursor = asked.get("cursor", "")
        page = self.world.page(user, ids, cursor=cursor, limit=asked["limit"])
        return {"seen": list(map(seen, page["posts"])), "next": page["next_cursor"]}

    def _learn(self, deed: Deed, asked: Json, answer: Json) -> None:
        if deed.kind == "post":
            self._posts.append(answer["post"])
        if deed.kind == "comment":
            self._comments.append((asked["post"], answer["comment"]))
        if cursor := answer.get("next"):
            self._cursors.setdefault(f"{deed.user} {deed.kind}", []).append(cursor)


def _chosen(known: list[Any], deed: Deed) -> Any:
    return known[-1 - deed.choice % len(known)]


def seen(shown: Json) -> Seen:
    """A post as a history tells it."""
    return Seen(
        post=shown["id"],
        author=shown["author_id"],
        likes=shown["like_count"],
        comments=shown["comment_count"],
        liked=shown["liked"],
        as_of_ms=None,
    )
