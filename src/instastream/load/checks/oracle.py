"""What must, may and can't be so, by what a history says was done."""

from bisect import insort
from collections.abc import Callable
from functools import cache, cached_property
from math import inf
from typing import NamedTuple

from msgspec import UNSET, Struct, UnsetType

from instastream.errors import InstastreamError
from instastream.load.checks.histories import ENDS, Entry
from instastream.load.checks.registers import NEVER, Change, Register, Truth

End = Callable[[Entry], None]


class Bounds(NamedTuple):
    """The least and the most that a count can be."""

    least: int
    most: int


class Slot(Struct):
    """What one request, however often it was repeated, made at most once."""

    ops: set[int]  # that may have made it
    made: str | None = None  # its id, once one of them was answered


class Slots:
    """Posts of one author, or comments on one post, by the request that made them."""

    def __init__(self) -> None:
        self._slots: dict[tuple[str, str] | int, Slot] = {}

    def begin(self, entry: Entry) -> Slot:
        """A request for one, or the same again: with the same Idempotency-Key."""
        op = _number(entry)
        by_key = (entry.user or "", entry.key) if entry.key else op
        slot = self._slots.setdefault(by_key, Slot(set()))
        slot.ops.add(op)
        return slot

    def all(self) -> list[Slot]:
        """All that were made or may have been."""
        return [slot for slot in self._slots.values() if slot.made or slot.ops]


class Account:
    """A user."""

    def __init__(self) -> None:
        self.name = ""
        self.password = ""
        self.private = Register()
        self.slots = Slots()
        self.posts: list[str] = []  # acknowledged ids, ascending

    @cached_property
    def unknown_posts(self) -> int:
        """How many there may be whose ids nobody was told; asked for at the end only."""
        return sum(slot.made is None for slot in self.slots.all())


class Post(Struct, frozen=True):
    """An acknowledged post."""

    post_id: str
    author_id: str
    began: float
    ended: float
    poison: bool


class Oracle:
    """All that was done, entry by entry in the order of their time."""

    def __init__(self) -> None:
        self.users: dict[str, Account] = {}
        self.joined: list[str] = []  # whom someone can sign in as
        self.posts: dict[str, Post] = {}
        self._follows: dict[str, dict[str, Register]] = {}
        self._likes: dict[str, dict[str, Register]] = {}
        self._comments: dict[str, Slots] = {}
        self._deleted: dict[str, Register] = {}  # posts and comments
        self._open: dict[int, tuple[Entry, End | None]] = {}
        self.like_bounds = cache(self._like_bounds)
        self.comment_bounds = cache(self._comment_bounds)

    def take(self, entry: Entry) -> Entry | None:
        """Learn from an entry; of one that ends an operation, returns how it was invoked.

        Raises InstastreamError where the history contradicts itself.
        """
        if entry.phase == "invoked":
            op = _number(entry)
            if op in self._open:
                raise InstastreamError(f"operation {op} is invoked twice: this is no history")
            self._open[op] = (entry, self._begin(entry))
        elif entry.phase in ENDS:
            op = _number(entry)
            asked, end = self._open.pop(op, (None, None))
            if asked is None:
                raise InstastreamError(f"operation {op} ends and never began: this is no history")
            if end:
                end(entry)
            return asked
        return None

    def account(self, user_id: str) -> Account:
        """Somebody, joined in this history or before."""
        return self.users.setdefault(user_id, Account())

    def _begin(self, entry: Entry) -> End | None:
        user, other, post = entry.user or "", entry.other or "", entry.post or ""
        match entry.kind:
            case "join":
                return lambda end: self._joined(entry, end)
            case "post":
                return self._begin_post(entry)
            case "comment":
                slots = self._comments.setdefault(post, Slots())
                return _ending(slots.begin(entry), entry, lambda end: end.comment or None)
            case "private":
                private = self.account(user).private
                return _settling(private, entry, value=entry.private is not False)
            case "follow":
                return self._begin_follow(entry)
            case "unfollow":
                return _settling(self._edge(user, other), entry, value=False)
            case "like" | "unlike":
                likes = self._likes.setdefault(post, {}).setdefault(user, Register())
                return _settling(likes, entry, value=entry.kind == "like")
            case "delete_post" | "delete_comment":
                gone = entry.comment if entry.kind == "delete_comment" else entry.post
                deleted = self._deleted.setdefault(gone or "", Register())
                return _settling(deleted, entry, value=True)
        return None

    def _joined(self, asked: Entry, end: Entry) -> None:
        if end.phase == "ok" and end.user:
            account = self.account(end.user)
            account.name, account.password = asked.name or "", asked.password or ""
            if account.name and account.password:
                self.joined.append(end.user)

    def _begin_post(self, entry: Entry) -> End:
        author = self.account(entry.user or "")
        slot = author.slots.begin(entry)

        def made(end: Entry) -> str | None:
            if end.post and end.post not in self.posts:
                self.posts[end.post] = Post(
                    end.post, entry.user or "", entry.at_ms, end.at_ms, entry.poison is True
                )
                insort(author.posts, end.post)
            return end.post or None

        return _ending(slot, entry, made)

    def _begin_follow(self, entry: Entry) -> End:
        """Where the account is private it is a request at most, which nobody answers here."""
        edge = self._edge(entry.user or "", entry.other or "")
        change = edge.begin(value=True, at_ms=entry.at_ms)

        def end_(end: Entry) -> None:
            private = self.account(entry.other or "").private.during(entry.at_ms, end.at_ms)
            if end.phase == "failed" or private.must or _is_request(end):
                edge.drop(change)
            elif end.phase == "ok":
                change.ended, change.sure = end.at_ms, not private.may or end.status == 204

        return end_

    def _edge(self, reader: str, author: str) -> Register:
        return self._follows.setdefault(reader, {}).setdefault(author, Register())

    def follows(self, reader: str, author: str, since: float = inf, until: float = inf) -> Truth:
        """Whether a reader follows an author; at the end, unless a time is given."""
        edge = self._follows.get(reader, {}).get(author)
        return edge.during(since, until) if edge else NEVER

    def likes(self, user: str, post_id: str, since: float = inf, until: float = inf) -> Truth:
        """Whether a user likes a post."""
        like = self._likes.get(post_id, {}).get(user)
        return like.during(since, until) if like else NEVER

    def deleted(self, thing: str, since: float = inf, until: float = inf) -> Truth:
        """Whether a post or a comment is deleted."""
        deletion = self._deleted.get(thing)
        return deletion.during(since, until) if deletion else NEVER

    def deleted_since(self, thing: str) -> float:
        """From when on it surely is; infinite where that is not sure."""
        deletion = self._deleted.get(thing)
        return deletion.held_since() if deletion else inf

    def hidden(self, reader: str, author: str, since: float = inf, until: float = inf) -> bool:
        """Whether an account is private for sure and the reader surely was not let in."""
        if reader == author or author not in self.users:
            return False
        private = self.users[author].private.during(since, until).must
        return private and not self.follows(reader, author, since, until).may

    def owed(self, reader: str) -> set[str]:
        """Every post that must be in a reader's feed when all has come to rest."""
        authors = (
            author
            for author, edge in self._follows.get(reader, {}).items()
            if edge.held_since() < inf
        )
        return {
            post_id
            for author in authors
            for post_id in self.account(author).posts
            if self.stands(post_id)
        }

    def stands(self, post_id: str) -> bool:
        """Whether a post must be there, ready, for all who may see its author's."""
        return not self.posts[post_id].poison and not self.deleted(post_id).may

    def likers(self, post_id: str) -> int:
        """How many have begun to like a post so far, whatever became of it."""
        return len(self._likes.get(post_id, {}))

    def _like_bounds(self, post_id: str) -> Bounds:
        truths = [like.finally_() for like in self._likes.get(post_id, {}).values()]
        return Bounds(sum(one.must for one in truths), sum(one.may for one in truths))

    def _comment_bounds(self, post_id: str) -> Bounds:
        least = most = 0
        for slot in self._comments[post_id].all() if post_id in self._comments else []:
            gone = self.deleted(slot.made) if slot.made else NEVER
            least += slot.made is not None and not gone.may
            most += not gone.must
        return Bounds(least, most)


def _is_request(end: Entry) -> bool:
    return end.status == 202 or end.why == "requested"


def _settling(register: Register, entry: Entry, *, value: bool) -> End:
    change: Change = register.begin(value=value, at_ms=entry.at_ms)

    def end_(end: Entry) -> None:
        if end.phase == "failed":
            register.drop(change)
        elif end.phase == "ok":
            change.ended, change.sure = end.at_ms, True

    return end_


def _ending(slot: Slot, entry: Entry, made: Callable[[Entry], str | None]) -> End:
    def end_(end: Entry) -> None:
        if end.phase == "failed":
            slot.ops.discard(_number(entry))
        elif end.phase == "ok":
            slot.made = made(end) or slot.made

    return end_


def _number(entry: Entry) -> int:
    assert not isinstance(entry.op, UnsetType)
    return entry.op


assert not UNSET  # `entry.user or ""` is how an absent field is read
