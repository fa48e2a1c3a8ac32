"""What this process knows of posts, readers and authors, and never longer than it is true.

Every read begins with `look`: one round trip tells what changed since the last one, and that is
forgotten before the read goes on. Docs: docs/decisions/0022.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import TypeAlias

from msgspec import Struct

from instastream.deps import Deps
from instastream.ids import PostId, UserId, newest
from instastream.limits import (
    PRIVATE_URL_TTL_S,
    RECENT_LENGTH,
    RECENTS_BYTES_MAX,
    RELATIONS_BYTES_MAX,
    SHOWN_BYTES_MAX,
    TIMELINES_AT_ONCE,
    USERS_BYTES_MAX,
)
from instastream.media_urls import PRIVATE
from instastream.reading.caching import Cache
from instastream.relations import Relations
from instastream.stores.changes import Change, Heard, Place
from instastream.stores.feeds import Head
from instastream.stores.posts import Post
from instastream.stores.users import User
from instastream.visibility import feed_shows

VERSION_BYTES = 8
ID_BYTES = 80  # of memory, as an entry of a set or list of strings
ALL = UserId("")  # the one key of the set of celebrities
FOR_EVER_MS = 1 << 62

Asked: TypeAlias = tuple[Head | None, asyncio.Future[list[PostId] | None]]
Show: TypeAlias = Callable[[Post, str], bytes]  # a post's JSON, in one size, as its author sees it


class Shown(Struct, frozen=True):
    """A post that is not deleted, as JSON: as everyone sees it once it is ready."""

    post_id: PostId
    author_id: UserId
    ready: bool
    body: bytes
    version: bytes  # of the body
    until_ms: int  # when an address in it changes


class Circle:
    """What a reader is to others; kept as long as nothing of it changes.

    `in_feed` are those whose posts are in the reader's feed. `whole_from` is the last id of the
    reader's list when there was nothing in their timelines below it ("" of an empty list): what
    comes later is in the list, or pulled, as long as the list ends there.
    """

    def __init__(self, relations: Relations) -> None:
        self.relations = relations
        self.in_feed = frozenset(
            author for author in relations.following if feed_shows(author, relations)
        )
        self.whole_from: PostId | None = None


class Known:
    """Caches of one process, and how far it has heard of changes."""

    def __init__(self, deps: Deps, *, show: Show, sizes: tuple[str, ...]) -> None:
        self._deps = deps
        self._show = show
        self._sizes = sizes
        self._place: Place | None = None
        self._waiting: list[Asked] = []
        self._asking: asyncio.Task[None] | None = None
        self.posts = {
            size: Cache[PostId, Shown](
                partial(self._load_posts, size),
                bytes_max=SHOWN_BYTES_MAX // len(sizes),
                size_of=lambda shown: len(shown.body),
            )
            for size in sizes
        }
        self.circles = Cache[UserId, Circle](
            self._load_circles, bytes_max=RELATIONS_BYTES_MAX, size_of=_size_of_circle
        )
        self.users = Cache[UserId, User](
            self._load_users, bytes_max=USERS_BYTES_MAX, size_of=lambda user: 0
        )
        self.recent = Cache[UserId, list[PostId]](
            self._load_recent,
            bytes_max=RECENTS_BYTES_MAX,
            size_of=lambda ids: len(ids) * ID_BYTES,
        )
        self._celebrities = Cache[UserId, frozenset[UserId]](
            self._load_celebrities, bytes_max=RECENTS_BYTES_MAX, size_of=lambda ids: 0
        )
        self._clears = [
            *(cache.clear for cache in self.posts.values()),
            self.circles.clear,
            self.users.clear,
            self.recent.clear,
            self._celebrities.clear,
        ]

    def empty(self) -> "Known":
        """One that knows nothing, for a read that can't ask what changed."""
        return Known(self._deps, show=self._show, sizes=self._sizes)

    async def look(self, head: Head | None = None) -> list[PostId] | None:
        """Forget what changed, and read the first ids of a reader's list, None where it is cold.

        All who ask while an answer is under way share the next one. Raises Unavailable.
        """
        answer: asyncio.Future[list[PostId] | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((head, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await answer

    async def celebrities(self) -> frozenset[UserId]:
        """Everyone whose posts are pulled, some of them at least."""
        return await self._celebrities.get(ALL) or frozenset()

    async def circle(self, reader: UserId) -> Circle:
        """Whose posts someone may see."""
        return await self.circles.get(reader) or Circle(Relations())

    async def timelines(
        self, authors: Sequence[UserId], *, before: PostId, limit: int
    ) -> list[list[PostId]]:
        """As `Posts.timeline` answers, for each author."""
        found: list[list[PostId]] = []
        for start in range(0, len(authors), TIMELINES_AT_ONCE):
            some = authors[start : start + TIMELINES_AT_ONCE]
            recents = await self.recent.get_all(some)
            cut = {author: _below(recents[author] or [], before, limit) for author in some}
            found += [ids for ids in cut.values() if ids is not None]
            if deeper := [author for author, ids in cut.items() if ids is None]:
                timeline = partial(self._deps.posts.timeline, before=before, limit=limit)
                found += await asyncio.gather(*map(timeline, deeper))
        return found

    async def shown(self, post_ids: list[PostId], size: str) -> Mapping[PostId, Shown | None]:
        """Posts in one size, in one batch; None or absent are those that nobody can see."""
        cache = self.posts[size]
        found = await cache.get_all(post_ids)
        now_ms = self._deps.now_ms()
        ended = [i for i, shown in found.items() if shown and shown.until_ms <= now_ms]
        for post_id in ended:
            cache.evict(post_id)
        return found | await cache.get_all(ended) if ended else found

    def learn(self, heard: Heard) -> None:
        """Forget what changed."""
        if heard.lost:
            for clear in self._clears:
                clear()
        for _, change in heard.changes:
            self._forget(change)
        self._place = heard.place

    def _forget(self, change: Change) -> None:
        match change.kind:
            case "post" | "landed":
                for cache in self.posts.values():
                    cache.evict(change.post_id or PostId(""))
                self.recent.evict(change.user_id)
            case "user":
                self.circles.evict(change.user_id)
                self.users.evict(change.user_id)
            case "celebrity":
                self._celebrities.clear()

    async def _ask(self) -> None:
        """One round trip at a time, each for all who asked since the one before began."""
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                await self._answer(asked)
        finally:
            self._asking = None

    async def _answer(self, asked: list[Asked]) -> None:
        heads = [head for head, _ in asked if head]
        try:
            heard, lists = await self._deps.changes.since(self._place, heads)
        except Exception as error:  # each who asked is told
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        self.learn(heard)
        answers = iter(lists)
        for head, answer in asked:
            ids = next(answers) if head else None
            if not answer.done():
                answer.set_result(ids)

    async def _load_posts(self, size: str, post_ids: list[PostId]) -> dict[PostId, Shown]:
        posts = await self._deps.posts.get(post_ids)
        return {i: self._shown(post, size) for i, post in posts.items() if not post.deleted}

    def _shown(self, post: Post, size: str) -> Shown:
        until_ms = FOR_EVER_MS
        if _is_signed(post):
            window_ms = PRIVATE_URL_TTL_S * 1000
            until_ms = (self._deps.now_ms() // window_ms + 1) * window_ms
        body = self._show(post, size)
        version = blake2b(body, digest_size=VERSION_BYTES).digest()
        return Shown(
            post.post_id,
            post.author_id,
            ready=post.status == "ready",
            body=body,
            version=version,
            until_ms=until_ms,
        )

    async def _load_circles(self, readers: list[UserId]) -> dict[UserId, Circle]:
        relations = await asyncio.gather(*map(self._deps.graph.relations, readers))
        return dict(zip(readers, map(Circle, relations), strict=True))

    async def _load_users(self, user_ids: list[UserId]) -> dict[UserId, User]:
        return await self._deps.users.get_all(user_ids)

    async def _load_recent(self, authors: list[UserId]) -> dict[UserId, list[PostId]]:
        before = newest(self._deps.now_ms())
        timelines = await asyncio.gather(
            *(
                self._deps.posts.timeline(author, before=before, limit=RECENT_LENGTH)
                for author in authors
            )
        )
        return dict(zip(authors, timelines, strict=True))

    async def _load_celebrities(self, keys: list[UserId]) -> dict[UserId, frozenset[UserId]]:
        return {ALL: frozenset(await self._deps.posts.celebrities())}


def _is_signed(post: Post) -> bool:
    rendered = [media.rendered for media in post.media if media.rendered]
    return any(one.key.startswith(PRIVATE) for outcome in rendered for one in outcome.variants)


def _size_of_circle(circle: Circle) -> int:
    of = circle.relations
    ids = (of.following, of.requested, of.blocks, of.blocked_by, of.mutes, circle.in_feed)
    return ID_BYTES * sum(map(len, ids))


def _below(recent: list[PostId], before: PostId, limit: int) -> list[PostId] | None:
    """The newest of an author's posts below an id; None where more than the recent are needed."""
    if recent and recent[0] < before:
        ids = recent[:limit]
    else:
        ids = [post_id for post_id in recent if post_id < before][:limit]
    return ids if len(ids) == limit or len(recent) < RECENT_LENGTH else None
