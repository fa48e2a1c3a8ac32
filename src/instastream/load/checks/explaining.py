"""Finds in the log the events that decided what was seen, and adds them to the evidence."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from instastream.deps import Deps
from instastream.errors import InstastreamError
from instastream.events import (
    CommentAdded,
    CommentDeleted,
    Event,
    PostLiked,
    PostUnliked,
    Record,
    type_of,
)
from instastream.ids import CLOCK_AHEAD_MS_MAX, PostId, UserId, minted_ms
from instastream.likes import shard_of
from instastream.load.checks.violations import Violation
from instastream.reading.evidence import gather
from instastream.reading.explaining import decide
from instastream.steps import Report

EXPLAINED_MAX = 5  # violations of each rule: the log is read anew for each
SHARDS_MAX = 16  # of one post, of which all events are read
DECIDED = {
    "deleted-shown",
    "lost-post",
    "not-followed",
    "not-in-feed",
    "not-ready",
    "own-post",
    "poison-shown",
    "private-shown",
}


async def explain(violations: list[Violation], deps: Deps, report: Report) -> list[Violation]:
    """The same, some of them with what the `log` says: topics, partitions and offsets."""
    of_posts = list(_some_of_each([one for one in violations if one.evidence.get("post")]))
    explained: dict[int, Violation] = {}
    for done, one in enumerate(of_posts, start=1):
        said = await _log_says(one, deps)
        explained[id(one)] = replace(one, evidence={**one.evidence, **said})
        report("asking the log why", done, len(of_posts))
    return [explained.get(id(one), one) for one in violations]


def _some_of_each(violations: Iterable[Violation]) -> Iterator[Violation]:
    chosen: Counter[str] = Counter()
    for one in violations:
        chosen[one.rule] += 1
        if chosen[one.rule] <= EXPLAINED_MAX:
            yield one


async def _log_says(one: Violation, deps: Deps) -> dict[str, Any]:
    post_id = PostId(one.evidence["post"])
    reader = UserId(one.evidence.get("reader") or "")
    try:
        if one.rule in DECIDED and reader:
            return {"log": decide(await gather(reader, post_id, deps))}
        if one.rule in ("like-count", "own-like", "too-many-likes"):
            return {"log": await _likes(post_id, reader if one.rule == "own-like" else "", deps)}
        if one.rule == "comment-count":
            return {"log": await _comments(post_id, deps)}
    except InstastreamError as error:  # what was found stays found
        return {"log": str(error)}
    return {}


async def _likes(post_id: PostId, user: str, deps: Deps) -> dict[str, Any]:
    """How many like a post by their last events, or whether one user does."""
    post = (await deps.posts.get([post_id])).get(post_id)
    shards = post.like_shards if post else 1
    wanted = [shard_of(user, shards)] if user else list(range(shards))[:SHARDS_MAX]
    last: dict[str, Record[Event]] = {}
    for shard in wanted:
        async for record in _of_key("engagement", f"{post_id}:{shard}", post_id, deps):
            if isinstance(event := record.event, PostLiked | PostUnliked):
                last[event.user_id] = record
    kept = [record for who, record in last.items() if user in ("", who)]
    liked = sum(isinstance(record.event, PostLiked) for record in kept)
    return {"likes": liked, "shards": f"{len(wanted)} of {shards}", "last": _latest(kept)}


async def _comments(post_id: PostId, deps: Deps) -> dict[str, Any]:
    """How many comments a post has by its events."""
    last: dict[str, Record[Event]] = {}
    async for record in _of_key("comments", post_id, post_id, deps):
        if isinstance(event := record.event, CommentAdded | CommentDeleted):
            last[event.comment_id] = record
    standing = sum(isinstance(record.event, CommentAdded) for record in last.values())
    return {"comments": standing, "last": _latest(last.values())}


def _of_key(topic: str, key: str, post_id: PostId, deps: Deps) -> AsyncIterator[Record[Event]]:
    return deps.log.read_key(topic, key, since_ms=minted_ms(post_id) - CLOCK_AHEAD_MS_MAX)


def _latest(records: Iterable[Record[Event]]) -> dict[str, Any] | None:
    """The event that was last, and where it stands."""
    latest = max(records, key=lambda record: record.event.at_ms, default=None)
    if latest is None:
        return None
    event = latest.event
    return {
        "type": type_of(type(event)),
        "topic": event.topic,
        "partition": latest.partition,
        "offset": latest.offset,
        "at_ms": event.at_ms,
    }
