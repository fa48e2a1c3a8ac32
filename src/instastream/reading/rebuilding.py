"""Makes readers' lists from the timelines of those they follow: docs/decisions/0023."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from heapq import merge
from itertools import islice

from msgspec import Struct

from instastream.deps import Deps
from instastream.ids import PostId, UserId, newest
from instastream.limits import FEED_LENGTH, REBUILD_LENGTH, TIMELINES_AT_ONCE
from instastream.metrics import REBUILD_SECONDS, Stopwatch
from instastream.steps import Report
from instastream.visibility import feed_shows

LISTS_AT_ONCE = 8  # each reads up to `TIMELINES_AT_ONCE` timelines at a time


class Rebuilt(Struct, frozen=True):
    """What a rebuild changed in a list, or would change."""

    user_id: UserId
    length: int  # of the list afterwards
    missing: list[PostId]  # that were not in it and should have been
    unwanted: list[PostId]  # that were in it and should not have been
    left: bool = False  # to another who made it meanwhile


async def rebuild(reader: UserId, deps: Deps, *, anew: bool = False) -> list[PostId] | None:
    """Make a cold reader's list, or anybody's anew; returns it.

    None where it is another's to make, or was lost meanwhile: timelines tell the same. The list
    is opened before anything is read, so that what comes too late for that is pushed to it. A
    rebuild cut short leaves the reader cold for a lease, and then the next read repeats it.
    """
    token, stopwatch = await deps.ids.mint(), Stopwatch()
    if not await deps.feeds.open(reader, token, anew=anew):
        return None

    async def holds() -> bool:
        return await deps.feeds.hold(reader, token)

    ids = await newest_of_all(reader, deps, holds=holds)
    made = ids is not None and await deps.feeds.fill(reader, token, ids)
    REBUILD_SECONDS.labels("made" if made else "left").observe(stopwatch.seconds)
    return await deps.feeds.read(reader) if made else None


async def _holds() -> bool:
    return True


async def newest_of_all(
    reader: UserId, deps: Deps, *, holds: Callable[[], Awaitable[bool]] = _holds
) -> list[PostId] | None:
    """The newest `FEED_LENGTH` of all that someone's feed shows, descending, ready or not.

    Of most authors only the latest are looked at: whoever has older posts among the newest of all
    has `REBUILD_LENGTH` there already, so they are few. None once it no longer `holds`.
    """
    relations = await deps.graph.relations(reader)
    authors = sorted(one for one in relations.following if feed_shows(one, relations))
    start = newest(deps.now_ms())
    latest = await _timelines(
        [(author, start) for author in authors], deps, limit=REBUILD_LENGTH, holds=holds
    )
    if latest is None:
        return None
    ids = _newest(latest)
    end = ids[-1] if len(ids) == FEED_LENGTH else PostId("")
    cut = [
        (author, timeline[-1])
        for author, timeline in zip(authors, latest, strict=True)
        if len(timeline) == REBUILD_LENGTH and timeline[-1] > end
    ]
    older = await _timelines(cut, deps, limit=FEED_LENGTH - REBUILD_LENGTH, holds=holds)
    return None if older is None else _newest([ids, *older])


async def _timelines(
    asked: Sequence[tuple[UserId, PostId]],
    deps: Deps,
    *,
    limit: int,
    holds: Callable[[], Awaitable[bool]],
) -> list[list[PostId]] | None:
    """The newest of each author's posts below an id."""
    found: list[list[PostId]] = []
    for at in range(0, len(asked), TIMELINES_AT_ONCE):
        if at and not await holds():
            return None
        found += await asyncio.gather(
            *(
                deps.posts.timeline(author, before=before, limit=limit)
                for author, before in asked[at : at + TIMELINES_AT_ONCE]
            )
        )
    return found


def _newest(timelines: Sequence[list[PostId]]) -> list[PostId]:
    return list(islice(merge(*timelines, reverse=True), FEED_LENGTH))


class Renewal(Struct, frozen=True):
    """What has become of many lists so far; `changed` are those whose ids are or would be others.

    `left`: others made them meanwhile. `last`: up to whom all are done, None at first.
    """

    lists: int = 0
    changed: list[Rebuilt] = []
    left: int = 0
    last: UserId | None = None

    def having(self, some: Sequence[Rebuilt]) -> "Renewal":
        """These too."""
        return Renewal(
            self.lists + len(some),
            self.changed + [one for one in some if one.missing or one.unwanted],
            self.left + sum(one.left for one in some),
            some[-1].user_id,
        )


async def renew_all(
    deps: Deps, *, after: UserId, dry_run: bool, report: Report
) -> AsyncIterator[Renewal]:
    """`renew` every list that there is, ascending by reader; says how far it is as it goes."""
    readers = sorted({reader async for reader in deps.feeds.readers() if reader > after})
    renewal = Renewal()
    for at in range(0, len(readers), LISTS_AT_ONCE):
        some = readers[at : at + LISTS_AT_ONCE]
        done = await asyncio.gather(*(renew(one, deps, dry_run=dry_run) for one in some))
        renewal = renewal.having(done)
        report("making lists anew", renewal.lists, len(readers))
        yield renewal


async def renew(reader: UserId, deps: Deps, *, dry_run: bool) -> Rebuilt:
    """Make a list anew, whatever it is, and say what that changed; or only say what it would."""
    state = await deps.feeds.peek(reader)
    before = state.post_ids if state else []
    after = await (newest_of_all(reader, deps) if dry_run else rebuild(reader, deps, anew=True))
    if after is None:
        return Rebuilt(reader, len(before), [], [], left=True)
    return Rebuilt(
        reader,
        len(after),
        missing=await _should_be_there(_beyond(after, before), deps),
        unwanted=_beyond(before, after),
    )


def _beyond(these: list[PostId], others: list[PostId]) -> list[PostId]:
    """Those that the others lack, as far down as both go."""
    ends = [ids[-1] for ids in (these, others) if len(ids) == FEED_LENGTH]
    end = max(ends, default=PostId(""))
    lacked = set(these) - set(others)
    return [post_id for post_id in these if post_id in lacked and post_id >= end]


async def _should_be_there(post_ids: list[PostId], deps: Deps) -> list[PostId]:
    """A list may lack what is not ready, and what is pulled."""
    posts = await deps.posts.get(post_ids)
    return [
        post_id
        for post_id in post_ids
        if (post := posts.get(post_id)) and post.status == "ready" and post.fanout == "push"
    ]
