"""The log of what is liked and said, and consumers of it on the real Cassandra, step by step."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import fields
from itertools import count

from instastream.counting import PAGE_BITS, page_of
from instastream.deps import Deps
from instastream.events import (
    CommentAdded,
    CommentDeleted,
    Event,
    PostLiked,
    PostUnliked,
    Record,
)
from instastream.handlers.engagement import ENGAGEMENT
from instastream.ids import CommentId, LikeId, PostId, UserId, compose
from instastream.settings import Settings
from instastream.stores.cassandra.counters import CassandraCounters
from instastream.stores.cassandra.session import open_session
from instastream.stores.counters import Listed, Place
from instastream.stores.counts import Kind
from instastream.stores.epochs import NoEpochs
from instastream.stores.memory_comments import MemoryComments
from instastream.stores.memory_counts import MemoryCounts
from tests.flow.interleaving import Interleaver
from tests.stores.conftest import BASE_MS, new_id

SHARDS = (1, 2)  # of each post
BEYOND = 1 << 62  # every place
_worlds = count()


class World:
    """Two posts, a partition of each topic, and every process that counts what is in them.

    A process stands before each call of a store, and once more before it commits.
    """

    def __init__(self, settings: Settings, *, people: int = 3) -> None:
        self.interleaver = Interleaver(servers=True)
        self._stack = AsyncExitStack()
        gated = self.interleaver.gated
        session = self.interleaver.run(self._stack.enter_async_context(open_session(settings)))
        given = {
            "likes": CassandraCounters(gated(session), "likes"),
            "comment_ids": CassandraCounters(
                gated(session), "comment_ids", for_good=True, lists=False
            ),
            "comments": MemoryComments(),
            "counts": gated(MemoryCounts()),
            "epochs": NoEpochs(),
        }
        unused = {field.name: None for field in fields(Deps)}
        self.deps = Deps(**(unused | given))
        self.likes = CassandraCounters(session, "likes")
        self.comment_ids = CassandraCounters(session, "comment_ids", for_good=True, lists=False)
        self.people = [UserId(compose(at_ms=BASE_MS, worker=2, sequence=i)) for i in range(people)]
        self.posts = [PostId(new_id()) for _ in SHARDS]
        self.logs: dict[str, list[Event]] = defaultdict(list)
        self.committed: dict[str, int] = defaultdict(int)

    # What happens

    def like(self, person: int, post: int = 0, *, liked: bool = True) -> None:
        """Someone likes a post from now on, or no longer."""
        who, what, shards = self.people[person], self.posts[post], SHARDS[post]
        if liked:
            event: Event = PostLiked(
                post_id=what, user_id=who, shards=shards, like_id=self._like_id(), at_ms=1
            )
        else:
            event = PostUnliked(post_id=what, user_id=who, shards=shards, at_ms=1)
        self.logs["engagement"].append(event)

    def _like_id(self) -> LikeId:
        """Some are on one page of a list, others on the next."""
        return LikeId(str(int(new_id()) + (len(self.logs["engagement"]) << PAGE_BITS - 1)))

    def comment(self, person: int) -> None:
        """Someone says something about the first post."""
        event = CommentAdded(
            comment_id=CommentId(new_id()),
            post_id=self.posts[0],
            author_id=self.people[person],
            text="",
            at_ms=1,
        )
        self.logs["comments"].append(event)

    def say_again(self, topic: str, chosen: int) -> None:
        """Whoever got no answer says it again."""
        if said := self.logs[topic]:
            said.append(said[chosen % len(said)])

    def delete_comment(self, chosen: int) -> None:
        """A comment is taken away."""
        added = [event for event in self.logs["comments"] if isinstance(event, CommentAdded)]
        if added:
            one = added[chosen % len(added)]
            event = CommentDeleted(
                comment_id=one.comment_id,
                post_id=one.post_id,
                deleted_by=one.author_id,
                at_ms=1,
            )
            self.logs["comments"].append(event)

    def consume(self, topic: str = "engagement", length: int | None = None) -> int:
        """Begin with what is not committed, so many events of it; returns the process."""
        begin, log = self.committed[topic], self.logs[topic]
        end = len(log) if length is None else min(begin + length, len(log))
        return self.interleaver.start(self._consume(topic, begin, end))

    async def _consume(self, topic: str, begin: int, end: int) -> None:
        records = [
            Record(event, partition=0, offset=offset)
            for offset, event in enumerate(self.logs[topic][begin:end], begin)
        ]
        if records:
            await ENGAGEMENT[topic](records, self.deps)
        await self.interleaver.gate()
        self.committed[topic] = max(self.committed[topic], end)

    def step(self, chosen: int) -> None:
        """One process goes on to its next call."""
        if waiting := self.interleaver.waiting():
            self.interleaver.step(chosen % len(waiting))

    def kill(self, chosen: int) -> None:
        """One process does nothing any more."""
        if waiting := self.interleaver.waiting():
            self.interleaver.kill(waiting[chosen % len(waiting)])

    def come_to_rest(self) -> None:
        """All go on to their ends, and everything is counted."""
        self.interleaver.finish()
        for topic in list(self.logs):
            self.consume(topic)
        self.interleaver.finish()

    # What is so

    def check(self) -> None:
        """Counts, members, lists and what is published are what the log says."""
        run = self.interleaver.run
        for post, shards in zip(self.posts, SHARDS, strict=True):
            liked, ever = self._liked(post)
            self._check_total("likes", post, len(liked), ever)
            assert run(self.likes.newest(post, shards, before=BEYOND, limit=99)) == liked
            pages = {(page_of(one.place), one.member) for one in liked}
            for place in (Place(post, shard) for shard in range(shards)):
                for person in self.people:
                    [standing] = run(self.likes.standing([place], person)).values()
                    assert not standing or (standing, person) in pages
        added = {e.comment_id for e in self._of(self.posts[0], CommentAdded)}
        gone = {e.comment_id for e in self._of(self.posts[0], CommentDeleted)}
        self._check_total("comments", self.posts[0], len(added - gone), len(added))

    def _check_total(self, kind: Kind, post: PostId, expected: int, ever: int) -> None:
        run = self.interleaver.run
        counters = self.likes if kind == "likes" else self.comment_ids
        shards = SHARDS[self.posts.index(post)] if kind == "likes" else 1
        total = run(counters.totals({post: shards}))[post]
        assert (total.count, total.size) == (expected, ever)
        shown = run(self._counts().totals(kind, [post]))
        assert shown.get(post, total) == total

    def _counts(self) -> MemoryCounts:
        counts: MemoryCounts = self.deps.counts._store  # type: ignore[attr-defined]
        return counts

    def _liked(self, post: PostId) -> tuple[list[Listed], int]:
        """Who likes a post, the newest first, and how many ever said anything of it."""
        places: dict[UserId, int] = {}
        ever: set[UserId] = set()
        for event in self.logs["engagement"]:
            match event:
                case PostLiked(post_id=i) if i == post:
                    places.setdefault(event.user_id, int(event.like_id))
                    ever.add(event.user_id)
                case PostUnliked(post_id=i) if i == post:
                    places.pop(event.user_id, None)
                    ever.add(event.user_id)
        return sorted((Listed(at, who) for who, at in places.items()), reverse=True), len(ever)

    def _of(
        self, post: PostId, kind: type[CommentAdded | CommentDeleted]
    ) -> Iterator[CommentAdded]:
        for event in self.logs["comments"]:
            if isinstance(event, kind) and event.post_id == post:
                yield event  # type: ignore[misc]

    def close(self) -> None:
        """Nobody counts any more."""
        self.interleaver.run(self._stack.aclose())
        self.interleaver.close()
