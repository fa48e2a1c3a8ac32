"""A world of people, posts, workers and API processes, and what must hold of feeds in it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from uuid import UUID

from instastream.deps import Deps
from instastream.events import (
    Event,
    Fanout,
    MediaReady,
    PostDeleted,
    UploadFinalized,
    UserJoined,
    Variant,
)
from instastream.handlers.feeds import FEEDS
from instastream.handlers.graph import GRAPH
from instastream.handlers.posts import POSTS
from instastream.ids import MediaId, PostId, UserId
from instastream.reading import pages
from instastream.reading.known import Known
from instastream.stores.epochs import NoEpochs
from instastream.stores.graph import bucket_of
from instastream.stores.memory_counters import MemoryCounters
from instastream.stores.memory_counts import MemoryCounts
from instastream.stores.memory_rates import MemoryRates
from instastream.stores.posts import Post
from tests.conftest import IN_MEMORY
from tests.flow.feed_model import Model
from tests.flow.feed_stores import OneLog, Stores
from tests.flow.interleaving import PROCESS, Interleaver
from tests.flow.upload_world import Ids

PEOPLE = range(4)
SIZE = "feed"
POSTS_FROM = 10_000  # people come before
APPS = (GRAPH, POSTS, FEEDS)
USED = {"settings", "now_ms", "ids", "log", "users", "posts", "graph", "feeds", "changes"}
USED |= {"likes", "comment_ids", "counts", "epochs", "rates"}
UNUSED = {*Deps.__dataclass_fields__} - USED - {"sleep"}

Delivery = tuple[int, int]  # which app, and which record


@dataclass
class Reading:
    """A page that someone asks for, and what it may show."""

    reader: UserId
    began: int  # records of the log that were acknowledged then
    shown: list[PostId] | None = None


@dataclass
class World:
    """The stores, the log, and every process that is at work on them."""

    stores: Stores = field(default_factory=Stores)
    interleaver: Interleaver = field(default_factory=Interleaver)
    posts_made: int = 0
    done: set[Delivery] = field(default_factory=set)
    handling: dict[int, Delivery] = field(default_factory=dict)
    serving: dict[int, int] = field(default_factory=dict)  # which API process each request is in
    saying: dict[int, int] = field(default_factory=dict)  # records before what nobody applied yet

    def __post_init__(self) -> None:
        gated, stores = self.interleaver.gated, self.stores
        self.log = OneLog()
        self.deps = Deps(
            settings=IN_MEMORY,
            now_ms=lambda: stores.now_ms,
            ids=gated(Ids()),
            log=gated(self.log),
            users=gated(stores.users),
            posts=gated(stores.posts),
            graph=gated(stores.graph),
            feeds=gated(stores.feeds),
            changes=gated(stores.changes),
            likes=MemoryCounters(),
            comment_ids=MemoryCounters(),
            counts=MemoryCounts(),
            epochs=NoEpochs(),
            rates=gated(MemoryRates(lambda: stores.now_ms)),
            **dict.fromkeys(UNUSED),  # type: ignore[arg-type]
        )
        self.apis = [self._api(), self._api()]
        ids = (UserId(str(stores.first + number)) for number in count())
        self.people = list(islice((one for one in ids if bucket_of(one) == 0), len(PEOPLE)))
        for person in self.people:
            self.say(UserJoined(user_id=person, username=person, at_ms=self.stores.now_ms))
            self.drain()

    def _api(self) -> Known:
        return Known(self.deps, show=_show, show_numbers=lambda numbers: b"", sizes=(SIZE,))

    # What happens

    def say(self, event: Event, *, api: int = 0) -> None:
        """A client says something; the API appends it, and applies it before it answers."""
        self.saying[self._serve(api, partial(self._say, event))] = len(self.log.records)

    def post(self, author: UserId, *, fanout: Fanout) -> None:
        """Someone's upload is finalized and rendered."""
        self.posts_made += 1
        post_id = PostId(str(self.stores.first + POSTS_FROM + self.posts_made))
        media_id = MediaId(str(UUID(int=int(post_id))))
        finalized = UploadFinalized(
            media_id=media_id,
            post_id=post_id,
            author_id=author,
            content_type="image/jpeg",
            size_bytes=1,
            caption="",
            alt_text="",
            fanout=fanout,
            at_ms=self.stores.now_ms,
        )
        ready = MediaReady(
            media_id=media_id,
            post_id=post_id,
            author_id=author,
            digest="",
            variants=[Variant("full", f"media/{post_id}/full.webp", 1, 1, 1)],
            fanout=fanout,
            at_ms=self.stores.now_ms,
        )
        for event in (finalized, ready):
            self._run(self.log.append(event))

    def delete(self, chosen: int, *, api: int) -> None:
        """An author takes a post back."""
        finalized = [r.event for r in self.log.records if isinstance(r.event, UploadFinalized)]
        post = finalized[chosen % len(finalized)]
        event = PostDeleted(
            post_id=post.post_id, author_id=post.author_id, at_ms=self.stores.now_ms
        )
        self.say(event, api=api)

    def deliver(self, delivery: Delivery) -> None:
        """A worker gets an event, whether or not another is at work on it, or was."""
        process = self.interleaver.start(self._until_it_ends(partial(self._handle, delivery)))
        self.handling[process] = delivery

    def read(self, reader: UserId, *, api: int) -> Reading:
        """Someone asks for their feed."""
        reading = Reading(reader, began=min([len(self.log.records), *self.saying.values()]))
        self._serve(api, partial(self._read, reading, self.apis[api]))
        return reading

    def step(self, chosen: int) -> None:
        """One of the processes that wait makes its next store call."""
        if waiting := self.interleaver.waiting():
            self.interleaver.step(chosen % len(waiting))

    def kill_worker(self, chosen: int) -> None:
        """It dies; what it did not finish is delivered again."""
        process = list(self.handling)[chosen % len(self.handling)]
        self.interleaver.kill(process)
        del self.handling[process]

    def kill_api(self, api: int) -> None:
        """An API process dies with its caches, and with every request in it.

        What such a request appended was not acknowledged: until workers apply it, it is not so.
        """
        for process in [one for one, server in self.serving.items() if server == api]:
            self.interleaver.kill(process)
            del self.serving[process]
        self.apis[api] = self._api()

    def flush(self) -> None:
        """Redis loses everything."""
        self.interleaver.run(self.stores.flush())

    def finish_requests(self) -> None:
        """Every request is answered, and the workers stand still, unless one waits for them."""
        while self.serving:
            waiting = self.interleaver.waiting()
            first = next((at for at, one in enumerate(waiting) if one in self.serving), 0)
            self.interleaver.step(first)

    def pass_time(self) -> None:
        """Whoever was rebuilding a list and died holds it no longer."""
        self.interleaver.run(self.stores.pass_time())

    def drain(self) -> None:
        """Everyone goes on to the end."""
        while self.handling or self.serving:
            self.interleaver.step(0)

    def come_to_rest(self) -> None:
        """Every event is handled by every app, and all processes have ended."""
        self.drain()
        while undone := self.undone():
            for delivery in undone:
                self.deliver(delivery)
            self.drain()
        self.saying.clear()

    def _serve(self, api: int, work: Callable[[], Awaitable[None]]) -> int:
        process = self.interleaver.start(self._until_it_ends(work))
        self.serving[process] = api
        return process

    async def _until_it_ends(self, work: Callable[[], Awaitable[None]]) -> None:
        await self.interleaver.gate()
        await work()
        for processes in (self.handling, self.serving, self.saying):
            processes.pop(PROCESS.get(), None)

    async def _say(self, event: Event) -> None:
        record = await self.deps.log.append(event)
        table = POSTS if isinstance(event, PostDeleted) else GRAPH
        await table[type(event)](record, self.deps)

    async def _handle(self, delivery: Delivery) -> None:
        app, number = delivery
        record = self.log.records[number]
        for caused in await APPS[app][type(record.event)](record, self.deps):
            await self.deps.log.append(caused)
        await self.interleaver.gate()
        self.done.add(delivery)

    async def _read(self, reading: Reading, known: Known) -> None:
        page = await pages.read_feed(
            reading.reader, before=None, limit=100, size=SIZE, known=known, deps=self.deps
        )
        reading.shown = page.post_ids
        self.check(reading)

    # What is so

    def undone(self) -> list[Delivery]:
        """Every event that an app has not handled yet."""
        return [one for one in self.deliveries() if one not in self.done]

    def deliveries(self) -> list[Delivery]:
        """Every event, for each app that handles it."""
        return [
            (app, number)
            for number, record in enumerate(self.log.records)
            for app, table in enumerate(APPS)
            if type(record.event) in table
        ]

    # What must hold

    def check(self, reading: Reading) -> None:
        """In order, once, and only what each ground allowed at some moment since the read began.

        Partitions have no order among them: a deletion that is not answered yet may be seen after
        an approval that was appended after it.
        """
        shown = reading.shown
        assert shown is not None
        assert shown == sorted(set(shown), reverse=True)
        moments = range(reading.began, len(self.log.records) + 1)
        models = [Model(self.log.records[:moment]) for moment in moments]
        authors = models[-1].authors
        for post_id in shown:
            grounds = [m.grounds(reading.reader, post_id, authors[post_id]) for m in models]
            assert all(map(any, zip(*grounds, strict=True))), f"{post_id} should not be there"

    def check_feeds(self) -> None:
        """At rest every feed is the model's, whichever process reads it, and read again, too."""
        model = Model(self.log.records)
        for reader in self.people:
            for api in (0, 1, 0):
                reading = self.read(reader, api=api)
                self.drain()
                assert reading.shown == model.feed(reader), reader

    def close(self) -> None:
        self.interleaver.run(self.stores.close())
        self.interleaver.close()

    def _run(self, coroutine: Awaitable[object]) -> None:
        async def run() -> None:
            await coroutine

        self.interleaver.start(run())


def _show(post: Post, size: str) -> bytes:
    return f"{post}".encode()
