"""What is to be seen when all has come to rest, judged against all that was done."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from instastream.load.checks.oracle import Bounds, Oracle
from instastream.load.checks.reads import disorder
from instastream.load.checks.violations import Violation, violation


class Shown(Struct, frozen=True, kw_only=True):
    """A post as the API shows it, as far as it is judged."""

    id: str
    author_id: str
    status: str
    like_count: int
    comment_count: int
    liked: bool


class Page(Struct, frozen=True):
    """Some posts, newest first."""

    posts: list[Shown]
    next_cursor: str | None

    @property
    def ids(self) -> list[str]:
        """As it was shown."""
        return [one.id for one in self.posts]


class Judge:
    """Judges what the users of a history see at its end."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._unknown: dict[str, set[str]] = {}  # ids that nobody was told, by author

    def own_post(self, post_id: str, shown: Shown | None) -> Iterator[Violation]:
        """An acknowledged post, as its author sees it."""
        post, deleted = self._oracle.posts[post_id], self._oracle.deleted(post_id)
        about = {"post": post_id, "reader": post.author_id, "seen": shown}
        if shown is None:
            if not deleted.may:
                yield violation("lost-post", **about, where="alone")
            return
        if deleted.must:
            yield violation("deleted-shown", **about)
        wanted = "failed" if post.poison else "ready"
        if post.poison and shown.status == "ready":
            yield violation("poison-shown", **about)
        elif shown.status != wanted:
            yield violation("not-ready", **about, wanted=wanted)
        yield from self._numbers(shown, post.author_id)

    def timeline(self, author: str, pages: Sequence[Page], *, limit: int) -> Iterator[Violation]:
        """All pages of one's own timeline."""
        about = {"reader": author, "list": "timeline"}
        yield from _paged(pages, limit, about)
        shown = {post_id for page in pages for post_id in page.ids}
        for post_id in self._oracle.account(author).posts:
            if post_id not in shown and not self._oracle.deleted(post_id).may:
                yield violation("lost-post", post=post_id, **about)
        yield from self._all_shown(author, pages, about)

    def feed(self, reader: str, pages: Sequence[Page], *, limit: int) -> Iterator[Violation]:
        """All pages of a feed."""
        about = {"reader": reader, "list": "feed"}
        yield from _paged(pages, limit, about)
        shown = {post_id for page in pages for post_id in page.ids}
        for post_id in sorted(self._oracle.owed(reader) - shown, reverse=True):
            author = self._oracle.posts[post_id].author_id
            yield violation("not-in-feed", post=post_id, author=author, **about)
        for one in (one for page in pages for one in page.posts):
            if self._oracle.hidden(reader, one.author_id):
                yield violation("private-shown", post=one.id, **about, seen=one)
            elif not self._oracle.follows(reader, one.author_id).may:
                yield violation("not-followed", post=one.id, **about, seen=one)
        yield from self._all_shown(reader, pages, about)

    def hidden(self, reader: str, post_id: str, shown: Shown | None) -> Iterator[Violation]:
        """A private account's post, asked for by someone who was not let in."""
        if shown is not None:
            yield violation("private-shown", post=post_id, reader=reader, seen=shown)

    def _all_shown(
        self, reader: str, pages: Sequence[Page], about: Mapping[str, Any]
    ) -> Iterator[Violation]:
        for one in (one for page in pages for one in page.posts):
            post = self._oracle.posts.get(one.id)
            seen = {"post": one.id, **about, "seen": one}
            if self._oracle.deleted(one.id).must:
                yield violation("deleted-shown", **seen)
            if post and post.poison and post.author_id != reader:
                yield violation("poison-shown", **seen)
            if post.author_id != one.author_id if post else self._is_made_up(one):
                yield violation("unknown-post", **seen)
            yield from self._numbers(one, reader)

    def _is_made_up(self, one: Shown) -> bool:
        """More ids of an author than posts of theirs can have been made without an answer."""
        unknown = self._unknown.setdefault(one.author_id, set())
        unknown.add(one.id)
        author = self._oracle.users.get(one.author_id)
        return len(unknown) > (author.unknown_posts if author else 0)

    def _numbers(self, one: Shown, reader: str) -> Iterator[Violation]:
        oracle = self._oracle
        likes, comments = oracle.like_bounds(one.id), oracle.comment_bounds(one.id)
        about = {"post": one.id, "reader": reader, "seen": one}
        if not _within(one.like_count, likes):
            yield violation("like-count", **about, least=likes.least, most=likes.most)
        if not _within(one.comment_count, comments):
            yield violation("comment-count", **about, least=comments.least, most=comments.most)
        mine = oracle.likes(reader, one.id)
        if mine.known and one.liked != mine.may:
            yield violation("own-like", **about)


def _paged(pages: Sequence[Page], limit: int, about: Mapping[str, Any]) -> Iterator[Violation]:
    last = ""
    for number, page in enumerate(pages, start=1):
        evidence = {**about, "page": number, "shown": page.ids}
        for rule, how in disorder(page.ids, limit):
            yield violation(rule, **evidence, **how)
        late = [post_id for post_id in page.ids if last and post_id >= last]
        if late:
            yield violation("pages", **evidence, after=last, late=late)
        last = min(page.ids, default=last)


def _within(count: int, bounds: Bounds) -> bool:
    return bounds.least <= count <= bounds.most


def strangers(oracle: Oracle, readers: Collection[str], *, tried: int = 8) -> dict[str, list[str]]:
    """Posts of private accounts by someone who must not see them: one reader for each account."""
    probes: dict[str, list[str]] = {}
    among = list(readers)
    for at, (author, account) in enumerate(oracle.users.items()):
        if not account.posts or not account.private.finally_().must:
            continue
        chosen = (among[(at + step) % len(among)] for step in range(min(tried, len(among))))
        outsider = next((one for one in chosen if oracle.hidden(one, author)), None)
        if outsider is not None:
            probes.setdefault(outsider, []).extend(account.posts)
    return probes
