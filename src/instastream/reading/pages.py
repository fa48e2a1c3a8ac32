"""Pages of feeds and timelines: past what is not shown, hydrated from ready JSON."""

from collections.abc import Awaitable, Callable, Sequence, Set
from hashlib import blake2b

from msgspec import Struct

from instastream.access import admit, no_such_user
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.ids import PostId, UserId, newest
from instastream.limits import FEED_LENGTH, REBUILDS_RATE, RECENT_LENGTH, WALK_STEP_MAX
from instastream.metrics import LISTLESS_READS
from instastream.reading.circles import Circle
from instastream.reading.known import Known, Shown
from instastream.reading.rebuilding import rebuild
from instastream.stores.counts import Pending
from instastream.walking import Step, walk

TAG_BYTES = 12


class Page(Struct, frozen=True):
    """Some posts, what is counted of each as JSON, and the id to go on from, None at the end."""

    shown: list[Shown]
    numbers: list[bytes]
    after: PostId | None

    @property
    def post_ids(self) -> list[PostId]:
        """In the order of the page."""
        return [shown.post_id for shown in self.shown]

    @property
    def bodies(self) -> list[bytes]:
        """Of each post its JSON, up to what is counted."""
        return [shown.body for shown in self.shown]

    @property
    def tag(self) -> str:
        """Another whenever a byte of the page is.

        That is the versions of its posts, their numbers, and where it goes on.
        """
        parts = [shown.version for shown in self.shown] + self.numbers
        parts.append((self.after or "").encode())
        return blake2b(b"".join(parts), digest_size=TAG_BYTES).hexdigest()


async def read_feed(
    reader: UserId, *, before: PostId | None, limit: int, size: str, known: Known, deps: Deps
) -> Page:
    """What those whom someone follows posted, newest first.

    While Redis is away it is read from their timelines alone, and nothing that is known is used.
    So it is while another rebuilds the list, as nobody waits for somebody else, and once it was
    made so often that it has to wait: whoever mutes an author and looks loses it each time.
    """
    asked = limit + 1 if before is None else FEED_LENGTH
    pending: Sequence[Pending] = known.said.of(reader)
    try:
        listed, pending = await known.look(reader, head=(reader, asked))
        if listed is None:
            listed, asked = await _made(reader, deps), FEED_LENGTH
    except Unavailable as error:
        if error.what != "redis":
            raise
        LISTLESS_READS.labels("redis").inc()
        known, listed = known.empty(), None
    circle = await known.circle(reader)
    latest = newest(deps.now_ms())
    feed = Feed(reader, circle, listed, asked=asked, latest=latest, known=known)
    return await _page(
        feed.below,
        reader,
        pending,
        ready_of=circle.in_feed,
        before=before or latest,
        limit=limit,
        size=size,
        known=known,
        step_max=RECENT_LENGTH,  # of more each author's timeline would be read
    )


async def _made(reader: UserId, deps: Deps) -> list[PostId] | None:
    """The list of a reader who has none; None where it is not to be made now, or by another."""
    try:
        taken = await deps.rates.take("rebuilds", reader, REBUILDS_RATE)
    except Unavailable:
        taken = None  # nobody can tell
    if taken and taken.wait_s:
        LISTLESS_READS.labels("pace").inc()
        return None
    listed = await rebuild(reader, deps)
    if listed is None:
        LISTLESS_READS.labels("rebuilding").inc()
    return listed


class Feed:
    """The ids of a feed: a list, what celebrities posted, and timelines from the list's end on.

    Whoever is followed and has ever been pulled is read from their own timeline beside the list:
    what is in both is in the feed once, so that no author crossing the threshold is noticed.
    """

    def __init__(
        self,
        reader: UserId,
        circle: Circle,
        listed: list[PostId] | None,  # None where there is no list
        *,
        asked: int,
        latest: PostId,
        known: Known,
    ) -> None:
        self._latest = latest
        self._reader = reader
        self._circle = circle
        self._listed = listed or []
        self._has_list = listed is not None
        self._asked = asked
        self._known = known

    async def below(self, before: PostId, count: int) -> list[PostId]:
        """The newest `count` ids below one, descending; fewer at the end."""
        ids = await self._list_below(before, count)
        is_end = len(ids) < count
        pulled = self._circle.in_feed & await self._known.celebrities()
        if pulled:
            timelines = await self._known.timelines(list(pulled), before=before, limit=count)
            ids = sorted({*ids}.union(*timelines), reverse=True)
        is_short = self._has_list and len(self._listed) < FEED_LENGTH
        last = self._listed[-1] if self._listed else PostId("")
        if not is_end or (is_short and self._circle.whole_from == last):
            return ids[:count]
        end = last or self._latest
        ids = [post_id for post_id in ids if post_id >= end][:count]
        if len(ids) == count:
            return ids
        older = await self._pull(min(end, before), count - len(ids))
        if not older and end <= before and is_short:
            self._circle.whole_from = last
        return ids + older

    async def _list_below(self, before: PostId, count: int) -> list[PostId]:
        ids = _newest([post_id for post_id in self._listed if post_id < before], count)
        if len(ids) < count and len(self._listed) == self._asked < FEED_LENGTH:
            self._asked = FEED_LENGTH
            listed, _ = await self._known.look(head=(self._reader, FEED_LENGTH))
            self._has_list = listed is not None
            self._listed = listed or self._listed
            return await self._list_below(before, count)
        return ids

    async def _pull(self, before: PostId, count: int) -> list[PostId]:
        authors = list(self._circle.in_feed)
        timelines = await self._known.timelines(authors, before=before, limit=count)
        return _newest([post_id for timeline in timelines for post_id in timeline], count)


def _newest(post_ids: list[PostId], count: int) -> list[PostId]:
    return sorted(post_ids, reverse=True)[:count]


async def read_timeline(
    author_id: UserId,
    viewer: UserId,
    *,
    before: PostId | None,
    limit: int,
    size: str,
    known: Known,
    deps: Deps,
) -> Page:
    """A user's posts, newest first; raises Rejected where someone may not see them."""
    known, looked = await known.look_for(viewer)
    author = await known.users.get(author_id)
    if author is None:
        raise no_such_user(author_id)
    admit(viewer, author, (await known.circle(viewer)).relations)

    async def below(before: PostId, count: int) -> list[PostId]:
        [ids] = await known.timelines([author_id], before=before, limit=count)
        return ids

    return await _page(
        below,
        viewer,
        looked.pending,
        ready_of={author_id},
        all_of={viewer},
        before=before or newest(deps.now_ms()),
        limit=limit,
        size=size,
        known=known,
    )


async def _page(
    below: Callable[[PostId, int], Awaitable[list[PostId]]],
    viewer: UserId,
    pending: Sequence[Pending],
    *,
    ready_of: Set[UserId],
    all_of: Set[UserId] = frozenset(),
    before: PostId,
    limit: int,
    size: str,
    known: Known,
    step_max: int = WALK_STEP_MAX,
) -> Page:
    """The newest posts below an id: what is ready of some authors, and whatever others have."""

    async def read(before: PostId, count: int) -> Step[PostId, Shown]:
        ids = await below(before, count)
        found = await known.shown(ids, size)
        seen = [
            (shown.post_id, shown)
            for shown in map(found.get, ids)
            if shown and (shown.author_id in (ready_of if shown.ready else all_of))
        ]
        return Step(seen, ids[-1] if len(ids) == count else None)

    page = await walk(read, after=before, limit=limit, step_max=step_max)
    shards: dict[str, int] = {shown.post_id: shown.like_shards for shown in page.shown}
    return Page(page.shown, await known.engagement.json(viewer, shards, pending), page.after)
