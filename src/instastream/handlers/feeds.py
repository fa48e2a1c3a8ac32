"""Whose lists a post is in."""

import msgspec

from instastream.deps import Deps
from instastream.events import (
    Event,
    FanoutPage,
    FollowApproved,
    MediaReady,
    Record,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from instastream.follows import BlockEvent, EdgeEvent, MuteEvent
from instastream.handlers.graph import record_edge, record_wall
from instastream.handlers.table import Handlers
from instastream.ids import OLDEST, PostId, UserId, newest
from instastream.limits import FANOUT_PAGE_LENGTH, FEED_LENGTH
from instastream.metrics import PUSHES
from instastream.stores.changes import Change
from instastream.stores.graph import FOLLOWER_BUCKETS
from instastream.visibility import feed_shows


async def fan_out(record: Record[MediaReady], deps: Deps) -> list[Event]:
    """The post is in its followers' lists, planned in pages when they are many, or to be pulled.

    That is up to whichever of its media is the last to be ready; a post that is deleted by then
    is in nobody's, and nobody is told of it. The post stands in its author's timeline first: a
    reader whose list is not there yet finds it in the timelines that the list is made from.
    """
    event = record.event
    if not await _is_listed(event, deps):
        return []
    if event.fanout == "pull":
        await deps.changes.tell(Change("celebrity", event.author_id), _landed(event))
        return []
    followers = await deps.graph.followers_count(event.author_id)
    if followers <= FANOUT_PAGE_LENGTH:
        await _push(event.post_id, await deps.graph.followers(event.author_id), deps)
    await deps.changes.tell(_landed(event))
    return _planned(event, followers) if followers > FANOUT_PAGE_LENGTH else []


async def record_listed(record: Record[MediaReady], deps: Deps) -> list[Event]:
    """All that a post that is ready leaves but in lists: those are made from it at any time."""
    await _is_listed(record.event, deps)
    return []


async def _is_listed(event: MediaReady, deps: Deps) -> bool:
    """Whether the post is ready, and stands: then it can be read wherever it is not pushed to.

    One that is deleted makes its author a celebrity all the same: tables don't depend on which
    event comes first.
    """
    await deps.posts.record_ready(event)
    asked = event.post_id, event.media_count
    is_listed = await deps.posts.all_ready(*asked)
    if event.fanout == "pull" and (
        is_listed or await deps.posts.all_ready(*asked, even_deleted=True)
    ):
        await deps.posts.record_celebrity(event.author_id)
    return is_listed


async def push_page(record: Record[FanoutPage], deps: Deps) -> list[Event]:
    """The post is in one page of followers' lists, and the next page is planned."""
    page = record.event
    if page.buckets > 1:
        buckets = range(page.bucket, page.bucket + page.buckets)
        followers = await deps.graph.followers(page.author_id, buckets)
        await _push(page.post_id, followers, deps)
        return []
    followers = await deps.graph.followers_in(
        page.author_id, bucket=page.bucket, after=page.after, limit=FANOUT_PAGE_LENGTH
    )
    await _push(page.post_id, followers, deps)
    if len(followers) < FANOUT_PAGE_LENGTH:
        return []
    return [msgspec.structs.replace(page, after=followers[-1])]


async def _push(post_id: PostId, readers: list[UserId], deps: Deps) -> None:
    await deps.feeds.push(post_id, readers)
    PUSHES.labels("post").inc(len(readers))


async def settle_edge(record: Record[EdgeEvent], deps: Deps) -> list[Event]:
    """The followee's posts are in the follower's list, or out of it.

    The edge comes first: a post that is too new for the timeline read here is fanned out along it.
    """
    await record_edge(record, deps)
    await _settle(record.event.follower_id, record.event.followee_id, deps)
    return []


async def settle_block(record: Record[BlockEvent], deps: Deps) -> list[Event]:
    """The posts of both are in the other's list, or out of it."""
    await record_wall(record, deps)
    await _settle(record.event.blocker_id, record.event.blocked_id, deps)
    await _settle(record.event.blocked_id, record.event.blocker_id, deps)
    return []


async def settle_mute(record: Record[MuteEvent], deps: Deps) -> list[Event]:
    """The posts of whoever was muted are in the muter's list, or out of it."""
    await record_wall(record, deps)
    await _settle(record.event.muter_id, record.event.muted_id, deps)
    return []


async def _settle(reader: UserId, author: UserId, deps: Deps) -> None:
    """The author's posts are in the reader's list, or none are, as relations have it now.

    Not as an event has it: it may come late, or again. What changes meanwhile is seen at the end.
    """
    before, shown = None, await _shows(reader, author, deps)
    while shown != before:
        await (_backfill if shown else _tidy)(reader, author, deps)
        before, shown = shown, await _shows(reader, author, deps)


async def _shows(reader: UserId, author: UserId, deps: Deps) -> bool:
    return feed_shows(author, await deps.graph.relations(reader, among={author}))


async def _backfill(reader: UserId, author: UserId, deps: Deps) -> None:
    """All that a list has room for: what is not in it above its end is in the feed nowhere."""
    state = await deps.feeds.peek(reader)
    if state is None:
        return
    end = state.post_ids[-1] if len(state.post_ids) == FEED_LENGTH else OLDEST
    posts = await _newest_of(author, deps, above=end)
    await deps.feeds.insert(reader, posts)
    PUSHES.labels("follow").inc(len(posts))


async def _tidy(reader: UserId, author: UserId, deps: Deps) -> None:
    """Only tidying up: nothing is shown that may not be seen, whatever the list says."""
    listed = await deps.feeds.read(reader)
    if not listed:
        return
    if unwanted := set(listed).intersection(await _newest_of(author, deps)):
        await deps.feeds.remove(reader, sorted(unwanted))


async def _newest_of(author: UserId, deps: Deps, *, above: PostId = OLDEST) -> list[PostId]:
    before = newest(deps.now_ms())
    return await deps.posts.timeline(author, before=before, limit=FEED_LENGTH, above=above)


def _landed(event: MediaReady) -> Change:
    return Change("landed", event.author_id, event.post_id)


def _planned(event: MediaReady, followers: int) -> list[Event]:
    """The first pages: of as many buckets as have a page's length of followers, or of one."""
    buckets = max(1, FOLLOWER_BUCKETS * FANOUT_PAGE_LENGTH // followers)
    return [
        FanoutPage(
            post_id=event.post_id,
            author_id=event.author_id,
            bucket=bucket,
            buckets=min(buckets, FOLLOWER_BUCKETS - bucket),
            after=UserId(""),
            at_ms=event.at_ms,
        )
        for bucket in range(0, FOLLOWER_BUCKETS, buckets)
    ]


FEEDS: Handlers = {
    MediaReady: fan_out,
    FanoutPage: push_page,
    UserFollowed: settle_edge,
    FollowApproved: settle_edge,
    UserUnfollowed: settle_edge,
    UserBlocked: settle_block,
    UserUnblocked: settle_block,
    UserMuted: settle_mute,
    UserUnmuted: settle_mute,
}
