"""What this process knows of posts, readers and authors, and never longer than it is true.

Every read begins with `look`: one round trip tells what changed since the last one, and that is
forgotten before the read goes on. Docs: docs/decisions/0022.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from instastream.deps import Deps
from instastream.errors import Unavailable
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
from instastream.reading.circles import ID_BYTES, Circle
from instastream.reading.engagement import Engagement
from instastream.reading.said import Said
from instastream.reading.totals import Numbers
from instastream.relations import Relations
from instastream.stores.changes import Change, Heard, Place
from instastream.stores.counts import Pending
from instastream.stores.feeds import Head
from instastream.stores.posts import Post
from instastream.stores.users import User

VERSION_BYTES = 8
ALL = UserId("")  # the one key of the set of celebrities
FOR_EVER_MS = 1 << 62

Show: TypeAlias = Callable[[Post, str], bytes]  # a post's JSON, in one size, as its author sees it
ShowNumbers: TypeAlias = Callable[[Numbers], bytes]  # the end of that JSON


class Looked(NamedTuple):
    """The first ids of a reader's list, None where it is cold, and what they liked lately."""

    listed: list[PostId] | None = None
    pending: Sequence[Pending] = ()


Asked: TypeAlias = tuple[UserId | None, Head | None, asyncio.Future[Looked]]


class Shown(Struct, frozen=True):
    """A post that is not deleted, as JSON: as everyone sees it once it is ready.

    What is counted follows: the body is without its end.
    """

    post_id: PostId
    author_id: UserId
    like_shards: int
    ready: bool
    body: bytes
    version: bytes  # of the body
    until_ms: int  # when an address in it changes


class Known:
    """Caches of one process, and how far it has heard of changes."""

    def __init__(
        self,
        deps: Deps,
        *,
        show: Show,
        show_numbers: ShowNumbers,
        sizes: tuple[str, ...],
        without_redis: bool = False,
    ) -> None:
        self._deps = deps
        self._show = show
        self._show_numbers = show_numbers
        self.sizes = sizes
        self.said = Said(deps.now_ms)
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
            self._load_circles,
            bytes_max=RELATIONS_BYTES_MAX,
            size_of=lambda circle: circle.size_bytes,
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
        self.engagement = Engagement(deps, show=show_numbers, without_redis=without_redis)
        self._clears = [
            self.engagement.clear,
            *(cache.clear for cache in self.posts.values()),
            self.circles.clear,
            self.users.clear,
            self.recent.clear,
            self._celebrities.clear,
        ]

    def empty(self) -> "Known":
        """One that knows nothing, for a read that can't ask what changed, as Redis is away."""
        return Known(
            self._deps,
            show=self._show,
            show_numbers=self._show_numbers,
            sizes=self.sizes,
            without_redis=True,
        )

    async def look(self, viewer: UserId | None = None, *, head: Head | None = None) -> Looked:
        """Forget what changed; read what a viewer liked lately, and the head of a list.

        All who ask while an answer is under way share the next one. Raises Unavailable.
        """
        answer: asyncio.Future[Looked] = asyncio.get_running_loop().create_future()
        self._waiting.append((viewer, head, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        looked = await answer
        said = self.said.of(viewer)
        return looked._replace(pending=(*looked.pending, *said)) if said else looked

    async def look_for(self, viewer: UserId | None) -> tuple["Known", Looked]:
        """What a viewer's read may use: nothing of this while Redis is away."""
        try:
            return self, await self.look(viewer)
        except Unavailable as error:
            if error.what != "redis":
                raise
            return self.empty(), Looked(pending=self.said.of(viewer))

    async def numbers(self, viewer: UserId, subjects: Mapping[str, int]) -> dict[str, Numbers]:
        """What is counted of posts or comments that a viewer may see, and whether they like them.

        By id, each with its number of shards of likes, which is 1 of comments.
        """
        known, looked = await self.look_for(viewer)
        return await known.engagement.numbers(viewer, subjects, looked.pending)

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
        heads = [head for _, head, _ in asked if head]
        viewers = [viewer for viewer, _, _ in asked if viewer]
        try:
            heard, lists, said = await self._deps.changes.since(self._place, heads, viewers)
        except Exception as error:  # each who asked is told
            for _, _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        self.learn(heard)
        listed, pending = iter(lists), iter(said)
        for viewer, head, answer in asked:
            looked = Looked(next(listed) if head else None, next(pending) if viewer else ())
            if not answer.done():
                answer.set_result(looked)

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
            like_shards=post.like_shards,
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
        timeline = partial(self._deps.posts.timeline, before=before, limit=RECENT_LENGTH)
        return dict(zip(authors, await asyncio.gather(*map(timeline, authors)), strict=True))

    async def _load_celebrities(self, keys: list[UserId]) -> dict[UserId, frozenset[UserId]]:
        return {ALL: frozenset(await self._deps.posts.celebrities())}


def _is_signed(post: Post) -> bool:
    rendered = [media.rendered for media in post.media if media.rendered]
    return any(one.key.startswith(PRIVATE) for outcome in rendered for one in outcome.variants)


def _below(recent: list[PostId], before: PostId, limit: int) -> list[PostId] | None:
    """The newest of an author's posts below an id; None where more than the recent are needed."""
    if recent and recent[0] < before:
        ids = recent[:limit]
    else:
        ids = [post_id for post_id in recent if post_id < before][:limit]
    return ids if len(ids) == limit or len(recent) < RECENT_LENGTH else None
