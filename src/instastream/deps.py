"""The only place that chooses and wires what handlers, commands and queries work on."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Protocol

from instastream.counting import version_of
from instastream.errors import Unavailable
from instastream.events import Event, Record
from instastream.history import History, KafkaHistory
from instastream.images.pool import RenderPool
from instastream.limits import VIDEO_BYTES_MAX
from instastream.log import EventLog, KafkaLog
from instastream.media import Rendering, Transcoded
from instastream.minting import LeasedIds
from instastream.retries import backoff
from instastream.settings import Settings
from instastream.signing import Signer
from instastream.stores import memory
from instastream.stores.accounts import Accounts
from instastream.stores.audits import Audits
from instastream.stores.blobs import Blobs
from instastream.stores.cassandra.accounts import CassandraAccounts
from instastream.stores.cassandra.audits import CassandraAudits
from instastream.stores.cassandra.comments import CassandraComments
from instastream.stores.cassandra.counters import CassandraCounters
from instastream.stores.cassandra.epochs import CassandraEpochs
from instastream.stores.cassandra.graph import CassandraGraph
from instastream.stores.cassandra.leases import CassandraLeases
from instastream.stores.cassandra.ledger import CassandraLedger
from instastream.stores.cassandra.posts import CassandraPosts
from instastream.stores.cassandra.session import START_TIMEOUT_S, Session, open_session
from instastream.stores.cassandra.uploads import CassandraUploads
from instastream.stores.cassandra.users import CassandraUsers
from instastream.stores.changes import Changes
from instastream.stores.comments import Comments
from instastream.stores.counters import Counters
from instastream.stores.counts import Counts, Kind
from instastream.stores.epochs import Epochs, NoEpochs
from instastream.stores.feeds import Feeds
from instastream.stores.graph import Graph
from instastream.stores.leases import Leases
from instastream.stores.ledger import Ledger
from instastream.stores.memory_audits import MemoryAudits
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_comments import MemoryComments
from instastream.stores.memory_counters import MemoryCounters
from instastream.stores.memory_counts import MemoryCounts
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.memory_graph import MemoryGraph
from instastream.stores.memory_history import MemoryHistory
from instastream.stores.memory_ledger import MemoryLedger
from instastream.stores.memory_multiparts import MemoryMultiparts
from instastream.stores.memory_posts import MemoryPosts
from instastream.stores.memory_rates import MemoryRates
from instastream.stores.memory_transcodes import MemoryTranscodes
from instastream.stores.multiparts import Multiparts
from instastream.stores.posts import Posts
from instastream.stores.rates import Rates
from instastream.stores.redis import RedisTranscodes, open_redis
from instastream.stores.redis_changes import RedisChanges
from instastream.stores.redis_counts import RedisCounts
from instastream.stores.redis_feeds import RedisFeeds
from instastream.stores.redis_rates import RedisRates
from instastream.stores.s3 import S3Blobs, copy_s_max, open_client
from instastream.stores.s3_multiparts import S3Multiparts
from instastream.stores.transcodes import Transcodes
from instastream.stores.uploads import Uploads
from instastream.stores.users import Users
from instastream.video.transcoder import FfmpegTranscoder


class Ids(Protocol):
    """A source of ids that nobody else mints."""

    async def mint(self) -> str:
        """The next id."""


class Ping(Protocol):
    """Asks a server whether it is there."""

    async def __call__(self) -> None:
        """Raises Unavailable when it is not."""


class Renderer(Protocol):
    """What makes an image's variants."""

    async def render(self, content: bytes) -> Rendering:
        """All that it becomes; raises Corrupt when the bytes can't be rendered."""


class Transcoder(Protocol):
    """What makes a video's HLS ladder."""

    async def transcode(
        self, original: Path, folder: Path, report: Callable[[float], Awaitable[None]]
    ) -> Transcoded:
        """Playlists and segments in `folder`, which lies beside the original; both are alone there.

        `report` hears from time to time how much is done, from 0 to 1. Raises Corrupt when the
        bytes can't be transcoded.
        """


@dataclass(frozen=True, kw_only=True)
class Deps:
    """Everything with effects, and the clock."""

    settings: Settings
    now_ms: Callable[[], int]
    signer: Signer
    ids: Ids
    leases: Leases  # what `ids` are minted under
    log: EventLog
    history: History
    accounts: Accounts
    users: Users
    uploads: Uploads
    posts: Posts
    graph: Graph
    feeds: Feeds
    changes: Changes
    likes: Counters  # of posts and comments, by who likes them
    comment_ids: Counters  # of posts, and replies of comments
    comments: Comments
    counts: Counts
    epochs: Epochs
    rates: Rates
    audits: Mapping[Kind, Audits]
    blobs: Blobs
    ledger: Ledger
    multiparts: Multiparts
    renderer: Renderer
    transcoder: Transcoder
    transcodes: Transcodes
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    waited: Callable[[Unavailable], None] = logging.getLogger(__name__).warning  # for a store
    pings: dict[str, Ping]  # every server that requests depend on


def counters_of(kind: Kind, deps: Deps) -> Counters:
    """Those that count what is of a kind."""
    return deps.likes if kind == "likes" else deps.comment_ids


async def version_of_record(record: Record[Event], deps: Deps) -> int:
    """Where an event stands among all that its partition ever holds; raises as `Epochs.of`."""
    epoch = await deps.epochs.of(record.event.topic)
    return version_of(epoch=epoch, offset=record.offset)


async def know_epochs(topics: Iterable[str], deps: Deps) -> None:
    """The epochs of topics are known; a log that does not answer yet is waited for.

    Raises Unready where a topic is not the one of before, and Unavailable after a minute.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    for topic in topics:
        for wait_s in backoff(Random()):
            try:
                await deps.epochs.of(topic)
                break
            except Unavailable as error:
                if time.monotonic() + wait_s > deadline:
                    raise
                deps.waited(error)
                await deps.sleep(wait_s)


@asynccontextmanager
async def open_deps(settings: Settings) -> AsyncIterator[Deps]:
    """The real servers; raises Unavailable when one of them does not answer."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session(settings))
        redis = await stack.enter_async_context(open_redis(settings))
        feeds = RedisFeeds(redis, prefix=settings.prefix)
        counts = RedisCounts(redis, prefix=settings.prefix)
        s3 = await stack.enter_async_context(open_client(settings))
        longest_s = copy_s_max(VIDEO_BYTES_MAX)
        copier = await stack.enter_async_context(open_client(settings, read_timeout_s=longest_s))
        blobs = S3Blobs(s3, settings.bucket, copier=copier)
        log = await stack.enter_async_context(KafkaLog(settings.kafka, prefix=settings.prefix))
        leases = CassandraLeases(session)
        yield Deps(
            settings=settings,
            now_ms=now_ms,
            signer=Signer(settings.token_key, audience=settings.keyspace),
            ids=await stack.enter_async_context(LeasedIds(leases, now_ms)),
            leases=leases,
            log=log,
            history=KafkaHistory(settings),
            accounts=CassandraAccounts(session),
            users=CassandraUsers(session),
            uploads=CassandraUploads(session),
            posts=CassandraPosts(session),
            graph=CassandraGraph(session),
            feeds=feeds,
            changes=RedisChanges(redis, feeds, counts, prefix=settings.prefix),
            likes=CassandraCounters(session, "likes"),
            comment_ids=CassandraCounters(session, "comment_ids", for_good=True, lists=False),
            comments=CassandraComments(session),
            counts=counts,
            epochs=CassandraEpochs(session, log.life, now_ms),
            rates=RedisRates(redis, prefix=settings.prefix),
            audits={
                "likes": CassandraAudits(session, "likes"),
                "comments": CassandraAudits(session, "comment_ids", lists=False, parts=False),
            },
            blobs=blobs,
            ledger=CassandraLedger(session),
            multiparts=S3Multiparts(s3, settings.bucket),
            renderer=await stack.enter_async_context(RenderPool()),
            transcoder=FfmpegTranscoder(),
            transcodes=RedisTranscodes(redis, prefix=settings.prefix),
            pings={
                "kafka": log.ping,
                "cassandra": session.ping,
                "redis": feeds.ping,
                "object store": blobs.ping,
            },
        )


@asynccontextmanager
async def memory_deps(settings: Settings, renderer: Renderer) -> AsyncIterator[Deps]:
    """Nothing durable and no server: for unit and flow tests."""
    blobs = memory.MemoryBlobs(now_ms)
    feeds, counts = MemoryFeeds(), MemoryCounts()
    likes, comment_ids = MemoryCounters(), MemoryCounters(for_good=True)
    leases, log = memory.MemoryLeases(), memory.MemoryLog()
    async with LeasedIds(leases, now_ms) as ids:
        yield Deps(
            settings=settings,
            now_ms=now_ms,
            signer=Signer(settings.token_key, audience=settings.keyspace),
            ids=ids,
            leases=leases,
            log=log,
            history=MemoryHistory(log),
            accounts=memory.MemoryAccounts(),
            users=memory.MemoryUsers(),
            uploads=memory.MemoryUploads(now_ms),
            posts=MemoryPosts(),
            graph=MemoryGraph(),
            feeds=feeds,
            changes=MemoryChanges(feeds, counts),
            likes=likes,
            comment_ids=comment_ids,
            comments=MemoryComments(),
            counts=counts,
            epochs=NoEpochs(),
            rates=MemoryRates(now_ms),
            audits={"likes": MemoryAudits(likes), "comments": MemoryAudits(comment_ids)},
            blobs=blobs,
            ledger=MemoryLedger(now_ms),
            multiparts=MemoryMultiparts(blobs),
            renderer=renderer,
            transcoder=FfmpegTranscoder(),
            transcodes=MemoryTranscodes(),
            pings={},
        )


def projecting(session: Session, deps: Deps) -> Deps:
    """The same, but for the projections of the log: they lie where a session has them."""
    return replace(
        deps,
        users=CassandraUsers(session),
        posts=CassandraPosts(session),
        graph=CassandraGraph(session),
        likes=CassandraCounters(session, "likes"),
        comment_ids=CassandraCounters(session, "comment_ids", for_good=True, lists=False),
        comments=CassandraComments(session),
    )


def now_ms() -> int:
    """The wall clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000
