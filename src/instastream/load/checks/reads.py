"""What was seen while load ran, judged read by read against all that was done until then."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import gt
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from instastream.load.checks.histories import Entry, Seen
from instastream.load.checks.oracle import Oracle
from instastream.load.checks.violations import Violation, violation

LISTS = ("read_feed", "read_timeline")


class Read(Struct, frozen=True):
    """A page, or one post: who asked when for what, and what they saw."""

    kind: str
    reader: str
    of: str  # whose timeline, or which post
    began: float
    ended: float
    cursor: str | None
    limit: int | None
    seen: Sequence[Seen]
    following: str | None
    entries: tuple[Entry, Entry]

    @property
    def ids(self) -> list[str]:
        """Of what was seen, as it was shown."""
        return [one.post for one in self.seen]

    @property
    def evidence(self) -> dict[str, Any]:
        """The lines of the history; what was seen on them is told where it matters."""
        asked, end = self.entries
        return {"op": asked.op, "entries": [asked, replace(end, seen=UNSET)], "shown": self.ids}


class Reads:
    """Judges reads in the order of their ends; `oracle` knows what was done until then."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._last: dict[tuple[str, str], str] = {}  # of the page that gave a cursor to a reader

    def judge(self, asked: Entry, end: Entry) -> Iterator[Violation]:
        """What an operation shows that must not be."""
        if asked.kind == "read_post" and end.phase == "failed" and end.status == 404:
            yield from self._denied(asked, end)
        if not isinstance(end.seen, list) or end.phase != "ok":
            return
        read = read_of(asked, end)
        if asked.kind in LISTS:
            for rule, how in disorder(read.ids, read.limit):
                yield violation(rule, **read.evidence, **how)
            yield from self._paged(read)
        if asked.kind == "read_timeline" and read.of == read.reader:
            yield from self._own_posts(read)
        yield from self._shown(read)

    def _denied(self, asked: Entry, end: Entry) -> Iterator[Violation]:
        """An acknowledged post was not found by its author."""
        post = self._oracle.posts.get(asked.post or "")
        if post is None or post.author_id != asked.user or post.ended >= asked.at_ms:
            return
        if not self._oracle.deleted(post.post_id, asked.at_ms, end.at_ms).may:
            yield violation(
                "own-post",
                op=end.op,
                reader=post.author_id,
                post=post.post_id,
                entries=[asked, end],
            )

    def _paged(self, read: Read) -> Iterator[Violation]:
        """What comes after a page is below all of it."""
        last = self._last_before(read)
        late = [post_id for post_id in read.ids if post_id >= last] if last else []
        if late:
            yield violation("pages", **read.evidence, after=last, late=late)
        if read.following and read.ids:
            key = (read.reader, read.following)
            self._last[key] = min(read.ids[-1], self._last.get(key, read.ids[-1]))

    def _last_before(self, read: Read) -> str | None:
        return self._last.get((read.reader, read.cursor)) if read.cursor else None

    def _own_posts(self, read: Read) -> Iterator[Violation]:
        """Between the ends of a page of one's own timeline is all that one has posted."""
        before = self._last_before(read)
        if read.cursor and before is None:
            return  # of a page that this history does not tell
        mine = self._oracle.account(read.reader).posts
        shown, end = set(read.ids), len(mine) if before is None else bisect_left(mine, before)
        least = min(read.ids, default="") if read.following else ""
        for post_id in mine[bisect_left(mine, least) : end]:
            acknowledged = self._oracle.posts[post_id].ended < read.began
            if post_id in shown or not acknowledged:
                continue
            if not self._oracle.deleted(post_id, read.began, read.ended).may:
                yield violation("own-post", **read.evidence, reader=read.reader, post=post_id)

    def _shown(self, read: Read) -> Iterator[Violation]:
        """Each post of a read: mostly nothing is wrong, so that evidence is made last."""
        oracle, reader, began, ended = self._oracle, read.reader, read.began, read.ended
        wrong = {author: self._wrong(author, read) for author in {one.author for one in read.seen}}
        for one in read.seen:
            rules = []
            likes = oracle.likes(reader, one.post, began, ended)
            if one.liked != likes.may and likes.known:
                rules.append("own-like")
            if one.likes > oracle.likers(one.post):
                rules.append("too-many-likes")
            if oracle.deleted(one.post, began, ended).must:
                rules.append("deleted-shown")
            post = oracle.posts.get(one.post)
            if post and post.poison and post.author_id != reader:
                rules.append("poison-shown")
            for rule in filter(None, (*rules, wrong[one.author])):
                yield violation(rule, **read.evidence, reader=reader, post=one.post, seen=one)

    def _wrong(self, author: str, read: Read) -> str:
        """The rule by which nothing of an author may be shown, if there is one."""
        span = (read.began, read.ended)
        if self._oracle.hidden(read.reader, author, *span):
            return "private-shown"
        if read.kind == "read_feed" and not self._oracle.follows(read.reader, author, *span).may:
            return "not-followed"
        return ""


def disorder(ids: Sequence[str], limit: int | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rules that a page breaks, and how: as long as asked for, newest first, each once."""
    if limit is not None and len(ids) > limit:
        yield "limit", {"length": len(ids), "limit": limit}
    if all(map(gt, ids, ids[1:])):
        return
    twice = [post_id for post_id, times in Counter(ids).items() if times > 1]
    if twice:
        yield "duplicate", {"posts": twice}
    for above, below in pairwise(ids):
        if below > above:
            yield "order", {"posts": [above, below]}


def read_of(asked: Entry, end: Entry) -> Read:
    """What a read that was answered asked and saw."""
    reader = asked.user or ""
    whose = asked.other or reader
    return Read(
        kind=str(asked.kind),
        reader=reader,
        of=whose if asked.kind == "read_timeline" else asked.post or "",
        began=asked.at_ms,
        ended=end.at_ms,
        cursor=asked.cursor or None,
        limit=asked.limit or None,
        seen=end.seen or (),
        following=end.next or None,
        entries=(asked, end),
    )
