"""Gathers what decides whether a post is in a feed: from the stores, and the log of a few keys."""

import asyncio

from instastream.deps import Deps
from instastream.events import Event, Record
from instastream.follows import EdgeEvent
from instastream.ids import CLOCK_AHEAD_MS_MAX, PostId, UserId, minted_ms
from instastream.reading.explaining import Facts
from instastream.relations import Relations
from instastream.steps import Report, ignore
from instastream.stores.posts import Post
from instastream.stores.users import User

Key = tuple[str, str, int]  # a topic, a key, since when


async def gather(
    reader_id: UserId,
    post_id: PostId,
    deps: Deps,
    *,
    records_max: int | None = None,
    report: Report = ignore,
) -> Facts:
    """What there is to know; of each key at most what is in the latest `records_max` records."""
    reader, posts, state, celebrities, epoch = await asyncio.gather(
        deps.users.get(reader_id),
        deps.posts.get([post_id]),
        deps.feeds.peek(reader_id),
        deps.posts.celebrities(),
        deps.epochs.of(EdgeEvent.topic),
    )
    post = posts.get(post_id)
    keys = _keys(reader_id, post_id, post)
    done = 0

    async def read(key: Key) -> list[Record[Event]]:
        nonlocal done
        topic, of, since_ms = key
        events = deps.log.read_key(topic, of, since_ms=since_ms, records_max=records_max)
        records = [record async for record in events]
        done += 1
        report("reading the log", done, len(keys))
        return records

    (author, relations), records = await asyncio.gather(
        _standing(reader_id, post, deps), asyncio.gather(*map(read, keys))
    )
    return Facts(
        reader_id=reader_id,
        reader=reader,
        post_id=post_id,
        post=post,
        author=author,
        relations=relations,
        state=state,
        is_celebrity=post is not None and post.author_id in celebrities,
        records=[record for of_key in records for record in of_key],
        epoch=epoch,
    )


def _keys(reader_id: UserId, post_id: PostId, post: Post | None) -> list[Key]:
    """Nothing is said of anybody before they are there, by clocks that are nearly right."""
    posted_ms = minted_ms(post_id) - CLOCK_AHEAD_MS_MAX
    keys: list[Key] = [("media", post_id, posted_ms), ("posts", post_id, posted_ms)]
    if post is None:
        return keys
    author_id = post.author_id
    met_ms = max(minted_ms(reader_id), minted_ms(author_id)) - CLOCK_AHEAD_MS_MAX
    return [
        *keys,
        ("uploads", post.media[0].media_id, posted_ms),
        ("users", author_id, minted_ms(author_id) - CLOCK_AHEAD_MS_MAX),
        *(("graph", user_id, met_ms) for user_id in {reader_id, author_id}),
    ]


async def _standing(
    reader_id: UserId, post: Post | None, deps: Deps
) -> tuple[User | None, Relations]:
    """Who posted it, and what the reader is to them."""
    if post is None:
        return None, Relations()
    return await asyncio.gather(
        deps.users.get(post.author_id),
        deps.graph.relations(reader_id, among={post.author_id}),
    )
