"""The whole story on memory stores: what the stream apps do, without Faust."""

import base64
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from importlib.resources import files
from random import Random

import pytest
import pytest_asyncio

from instastream import accounts, commands
from instastream.commands import Draft, DraftMedia
from instastream.deps import Deps, memory_deps
from instastream.events import Event, Record
from instastream.handlers.feeds import FEEDS
from instastream.handlers.graph import GRAPH
from instastream.handlers.ledger import LEDGER
from instastream.handlers.media import MEDIA
from instastream.handlers.posts import POSTS
from instastream.handlers.table import Handlers
from instastream.handlers.video import VIDEO
from instastream.ids import UserId
from instastream.images.pool import RenderPool
from instastream.stores.memory import MemoryBlobs, MemoryLog
from instastream.stores.posts import Post
from tests.conftest import IN_MEMORY
from tests.flow.interleaving import Interleaver

APPS = (MEDIA, VIDEO, POSTS, FEEDS, GRAPH, LEDGER)


class Streams:
    """Runs every app over the log, in an order that a seed decides, with some events twice."""

    def __init__(self, deps: Deps, random: Random) -> None:
        assert isinstance(deps.log, MemoryLog)
        self._deps = deps
        self._log = deps.log
        self._random = random
        self._handled: set[tuple[int, str, int, int]] = set()

    async def run(self) -> None:
        """Until nothing is left to do."""
        while waiting := self._waiting():
            app, topic, record = self._random.choice(waiting)
            for _ in range(self._random.choice((1, 1, 2))):
                await self._handle(APPS[app], record)
            self._handled.add((app, topic, record.partition, record.offset))

    async def _handle(self, app: Handlers, record: Record[Event]) -> None:
        handler = app.get(type(record.event))
        for caused in await handler(record, self._deps) if handler else []:
            await self._deps.log.append(caused)

    def _waiting(self) -> list[tuple[int, str, Record[Event]]]:
        return [
            (app, topic, Record(event, partition, offset))
            for app, table in enumerate(APPS)
            for topic in sorted({event.topic for event in table})
            for partition, events in self._log.topics.get(topic, {}).items()
            for offset, event in enumerate(events)
            if (app, topic, partition, offset) not in self._handled
        ]


@pytest_asyncio.fixture(scope="session")
async def renderer() -> AsyncIterator[RenderPool]:
    async with RenderPool() as pool:
        yield pool


@pytest_asyncio.fixture
async def deps(renderer: RenderPool) -> AsyncIterator[Deps]:
    """Empty stores."""
    async with memory_deps(IN_MEMORY, renderer) as deps:
        yield deps


@pytest.fixture(params=range(3))
def streams(deps: Deps, request: pytest.FixtureRequest) -> Streams:
    """Each seed is another order of deliveries, and other repetitions."""
    return Streams(deps, Random(request.param))


@pytest.fixture
def made() -> Iterator[list[Interleaver]]:
    """Loops that a test makes, to be closed."""
    loops: list[Interleaver] = []
    yield loops
    for loop in loops:
        loop.close()


PHOTO = files("instastream.photos").joinpath("drum.jpg").read_bytes()


async def join(deps: Deps, *usernames: str) -> list[UserId]:
    """New users, whose feeds are warm and empty."""
    users = [await accounts.join(name, "a long password", deps) for name in usernames]
    for user in users:
        await deps.feeds.open(user.user_id, user.user_id)
        await deps.feeds.fill(user.user_id, user.user_id, [])
    return [user.user_id for user in users]


async def upload(deps: Deps, author: UserId, content: bytes = PHOTO) -> Draft:
    """Something uploaded, ready to be finalized."""
    assert isinstance(deps.blobs, MemoryBlobs)
    declared, put = await commands.request_upload(
        author,
        content_type="image/jpeg",
        size_bytes=len(content),
        sha256=base64.b64encode(sha256(content).digest()).decode(),
        deps=deps,
    )
    assert put
    deps.blobs.take(put, content)
    return Draft(caption="a caption", media=[DraftMedia(declared.media_id, alt_text="")])


async def post(deps: Deps, author: UserId, content: bytes = PHOTO) -> Post:
    """Something uploaded and finalized."""
    draft = await upload(deps, author, content)
    return await commands.finalize(author, draft, idempotency_key=None, deps=deps)
