"""Says again what was said of posts that wait for their media for too long: docs/decisions/0037.

What went wrong with them nobody knows: the workers have handled their events, no answer is in the
log, and nothing is to be tried again any more, which takes some minutes. To render is idempotent.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import uuid4

import msgspec

from instastream.deps import Deps
from instastream.events import Event, MediaFailed, MediaReady, Record, UploadFinalized
from instastream.findings import Finding
from instastream.ids import CLOCK_AHEAD_MS_MAX
from instastream.limits import STUCK_S
from instastream.metrics import count_swept
from instastream.stores.posts import Post

APPS = ("media", "posts", "video")  # by which an event must be handled, to be called stuck
TOPIC = UploadFinalized.topic
PLACE = f"topic/{TOPIC}"  # what the offsets that were come to are kept as
LOOKED_MAX = 20_000  # events of one pass: some seconds of Cassandra
ASKED_MAX = 50  # of them the log is asked about: each reads an hour of a partition

log = logging.getLogger(__name__)


async def announce_stuck(deps: Deps) -> int:
    """One pass over what has become old since the last one; returns how many are said again.

    Any number of these may run at once, and stop anywhere.
    """
    said = 0
    async with aclosing(find_stuck(deps, looked_max=LOOKED_MAX, asked_max=ASKED_MAX)) as some:
        async for found in some:
            for one in found:
                log.warning("post %s is stuck, and announced again: %s", one.of, one.why)
            count_swept(found)
            said += len(found)
    return said


async def find_stuck(
    deps: Deps,
    *,
    dry_run: bool = False,
    looked_max: float = float("inf"),
    asked_max: float = float("inf"),
) -> AsyncGenerator[list[Finding], None]:
    """Posts that are stuck, once their events are appended again; or would be.

    Each is announced once in `STUCK_S` at most. A partition is gone through up to what was
    announced just now, and from there once that is as long ago.
    """
    kept = await deps.uploads.last_swept(PLACE)
    places = msgspec.json.decode(kept or "{}", type=dict[int, int])
    until_ms = deps.now_ms() - STUCK_S * 1000
    looked = asked = 0
    held: set[int] = set()
    handled = deps.history.handled(TOPIC, by=APPS, begins=dict(places), until_ms=until_ms)
    async with aclosing(handled) as stretches:
        async for stretch in stretches:
            if stretch.partition in held:
                continue
            found: list[Finding] = []
            place = stretch.next
            for record in await _waiting(stretch.records, deps):
                asked += 1
                if asked > asked_max or not await _is_seen_to(
                    record.event, found, deps, dry_run=dry_run
                ):
                    place = record.offset
                    held.add(stretch.partition)
                    break
            if not dry_run:
                places[stretch.partition] = place
                await deps.uploads.record_swept(PLACE, msgspec.json.encode(places).decode())
            yield found
            looked += len(stretch.records)
            if looked >= looked_max or asked >= asked_max:
                break


async def _waiting(records: Sequence[Record[Event]], deps: Deps) -> list[Record[UploadFinalized]]:
    """Those whose post is processing as far as its rows say; one without rows is not ours."""
    finalized = [
        Record(event, record.partition, record.offset)
        for record in records
        if isinstance(event := record.event, UploadFinalized)
    ]
    posts = await deps.posts.get(sorted({record.event.post_id for record in finalized}))
    return [record for record in finalized if _waits(record.event, posts.get(record.event.post_id))]


def _waits(event: UploadFinalized, post: Post | None) -> bool:
    return (
        post is not None
        and post.status == "processing"
        and any(one.media_id == event.media_id and not one.rendered for one in post.media)
    )


async def _is_seen_to(
    event: UploadFinalized, found: list[Finding], deps: Deps, *, dry_run: bool
) -> bool:
    """Whether nothing more is to be done now; not right after it was announced by somebody."""
    if await _is_answered(event, deps):
        return True
    if not dry_run:
        claimed = await deps.ledger.claim(f"{PLACE}/{event.media_id}", uuid4().hex, ttl_s=STUCK_S)
        if not claimed:
            return False
        await deps.log.append(event)
    waited_s = (deps.now_ms() - event.at_ms) // 1000
    why = f"media {event.media_id} waits since {waited_s} s"
    found.append(Finding(kind="stuck", of=event.post_id, why=why))
    return True


async def _is_answered(event: UploadFinalized, deps: Deps) -> bool:
    """Whether the log has what became of it, which its rows will tell; or it is deleted by now."""
    since_ms = event.at_ms - CLOCK_AHEAD_MS_MAX
    said = deps.log.read_key(MediaReady.topic, event.post_id, since_ms=since_ms)
    answers = [record.event async for record in said]
    if any(
        isinstance(answer, MediaReady | MediaFailed) and answer.media_id == event.media_id
        for answer in answers
    ):
        return True
    posts = await deps.posts.get([event.post_id])
    return not _waits(event, posts.get(event.post_id))
