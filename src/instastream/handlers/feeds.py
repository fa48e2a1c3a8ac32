"""Whose lists a post is in."""

from instastream.deps import Deps
from instastream.events import Event, FanoutPage, MediaReady, Record, UserFollowed
from instastream.handlers.graph import record_edge
from instastream.handlers.table import Handlers
from instastream.ids import newest
from instastream.limits import FANOUT_PAGE_LENGTH, FOLLOW_BACKFILL
from instastream.stores.graph import FOLLOWER_BUCKETS


async def fan_out(record: Record[MediaReady], deps: Deps) -> list[Event]:
    """The post is in its followers' lists, or planned in pages when they are many.

    That is up to whichever of its media is the last to be ready. The post stands in its author's
    timeline first: a reader whose list is not there yet finds it in the timelines that the list
    is made from.
    """
    event = record.event
    await deps.posts.record_ready(event)
    if not await deps.posts.all_ready(event.post_id, event.media_count):
        return []
    followers = await deps.graph.followers(event.author_id, limit=FANOUT_PAGE_LENGTH + 1)
    if len(followers) <= FANOUT_PAGE_LENGTH:
        await deps.feeds.push(event.post_id, followers)
        return []
    return [_page(event, bucket, after="") for bucket in range(FOLLOWER_BUCKETS)]


async def push_page(record: Record[FanoutPage], deps: Deps) -> list[Event]:
    """The post is in one page of followers' lists, and the next page is planned."""
    page = record.event
    followers = await deps.graph.followers_in(
        page.author_id, bucket=page.bucket, after=page.after, limit=FANOUT_PAGE_LENGTH
    )
    await deps.feeds.push(page.post_id, followers)
    if len(followers) < FANOUT_PAGE_LENGTH:
        return []
    return [_page(page, page.bucket, after=followers[-1])]


async def backfill(record: Record[UserFollowed], deps: Deps) -> list[Event]:
    """The followee's latest posts are in the follower's list.

    The edge comes first: a post that is too new for the timeline read here is fanned out along it.
    """
    await record_edge(record, deps)
    event = record.event
    before = newest(deps.now_ms())
    latest = await deps.posts.timeline(event.followee_id, before=before, limit=FOLLOW_BACKFILL)
    await deps.feeds.insert(event.follower_id, latest)
    return []


def _page(event: MediaReady | FanoutPage, bucket: int, after: str) -> FanoutPage:
    return FanoutPage(
        post_id=event.post_id,
        author_id=event.author_id,
        bucket=bucket,
        after=after,
        at_ms=event.at_ms,
    )


FEEDS: Handlers = {MediaReady: fan_out, FanoutPage: push_page, UserFollowed: backfill}
