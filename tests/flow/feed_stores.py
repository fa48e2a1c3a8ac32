"""What a world of feeds is kept in."""

from instastream.events import Event, Record
from instastream.limits import REBUILD_LEASE_S
from instastream.stores.changes import Changes
from instastream.stores.feeds import Feeds
from instastream.stores.graph import Graph
from instastream.stores.memory import MemoryLog, MemoryUsers
from instastream.stores.memory_changes import MemoryChanges
from instastream.stores.memory_feeds import MemoryFeeds
from instastream.stores.memory_graph import MemoryGraph
from instastream.stores.memory_posts import MemoryPosts
from instastream.stores.posts import Posts
from instastream.stores.users import Users

NOW_MS = 1_800_000_000_000


class OneLog(MemoryLog):
    """In the order of appends, too."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record[Event]] = []

    async def append(self, event: Event) -> Record[Event]:  # type: ignore[override]
        record = await super().append(event)
        self.records.append(record)
        return record


class Stores:
    """In memory; `first` is below every id in them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.first = 10**18
        self.now_ms = NOW_MS
        self.users: Users = MemoryUsers()
        self.posts: Posts = MemoryPosts()
        self.graph: Graph = MemoryGraph()
        self._feeds = MemoryFeeds(now_s=lambda: self.now_s)
        self._changes = MemoryChanges(self._feeds)
        self.feeds: Feeds = self._feeds
        self.changes: Changes = self._changes

    async def flush(self) -> None:
        """Redis loses everything."""
        self._feeds.lists.clear()
        self._feeds.opened.clear()
        self._changes.flush()

    async def pass_time(self) -> None:
        """Whoever was rebuilding a list and died holds it no longer."""
        self.now_s += REBUILD_LEASE_S + 1

    async def close(self) -> None:
        """Nobody needs them any more."""
