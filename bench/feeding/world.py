"""Authors, posts, readers and their lists, written to the stores as the workers would."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from secrets import token_hex
from typing import TypeAlias

from instastream.counting import Mark
from instastream.deps import Deps
from instastream.events import MediaReady, UploadFinalized, UserJoined, Variant
from instastream.ids import MediaId, PostId, UserId
from instastream.media import VARIANTS, media_folder, object_key
from instastream.stores.cassandra.graph import FOLLOW
from instastream.stores.cassandra.session import Session
from instastream.stores.counters import Counters, Place, total_of
from instastream.stores.counts import Kind, Pending

AT_ONCE = 128
Marks: TypeAlias = Mapping[Place, Sequence[Mark]]
CAPTION = "Dandelions, an hour before rain: the field behind the house, seen from the gate."
MEDIA = MediaId("6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a")


async def all_of(works: Iterable[Awaitable[None]]) -> None:
    """Do them, some at once."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(work: Awaitable[None]) -> None:
        async with turn:
            await work

    await asyncio.gather(*(one(work) for work in works))


async def new_user(deps: Deps) -> UserId:
    """Someone who joined."""
    user_id = UserId(await deps.ids.mint())
    joined = UserJoined(user_id=user_id, username=f"u{user_id}", at_ms=deps.now_ms())
    await deps.users.record_joined(joined)
    return user_id


async def new_post(author: UserId, deps: Deps) -> PostId:
    """A photograph that is ready."""
    post_id = PostId(await deps.ids.mint())
    await deps.posts.record_finalized(
        UploadFinalized(
            media_id=MEDIA,
            post_id=post_id,
            author_id=author,
            content_type="image/jpeg",
            size_bytes=2_481_152,
            caption=CAPTION,
            alt_text="A field of dandelions under dark clouds",
            at_ms=deps.now_ms(),
        )
    )
    folder = media_folder(token_hex(16), generation=0)
    await deps.posts.record_ready(
        MediaReady(
            media_id=MEDIA,
            post_id=post_id,
            author_id=author,
            digest=folder.split("/")[1],
            variants=[
                Variant(one.name, object_key(folder, one.name), one.width, one.width, 50_000)
                for one in VARIANTS
            ],
            thumbhash="3OcRJYB4d3h/iIeHeEh3eIhw+j2w",
            colour="#7d5a3c",
            at_ms=deps.now_ms(),
        )
    )
    return post_id


async def follow_all(reader: UserId, authors: Iterable[UserId], session: Session) -> None:
    """An edge to each as their reader has it: a bench of reading needs no authors' followers."""
    await session.execute_all(FOLLOW, ((int(reader), int(a), "follows", 0, 0) for a in authors))


async def count_all(post_ids: Sequence[PostId], likers: Sequence[UserId], deps: Deps) -> None:
    """Everyone likes every other post, and each has a comment."""
    now_ms = deps.now_ms()
    liked, said = {}, {}
    for number, post_id in enumerate(post_ids):
        fans = likers[number % 2 :: 2]
        liked[Place(post_id)] = [
            Mark(member=fan, place=int(fan), version=n, at_ms=now_ms)
            for n, fan in enumerate(fans, start=1)
        ]
        said[Place(post_id)] = [Mark(member=post_id, place=1, version=1, at_ms=now_ms)]
    kinds: tuple[tuple[Kind, Counters, Marks], ...] = (
        ("likes", deps.likes, liked),
        ("comments", deps.comment_ids, said),
    )
    for kind, counters, marks in kinds:
        shards = await counters.apply(marks)
        totals = [total_of(place.subject_id, [shard]) for place, shard in shards.items()]
        await deps.counts.publish(kind, totals)


async def expect_all(post_ids: Sequence[PostId], likers: Sequence[UserId], deps: Deps) -> None:
    """They said so of some within the hour."""
    for number, liker in enumerate(likers):
        for post_id in post_ids[number % 2 :: 2]:
            pending = Pending(subject_id=post_id, shards=1, liked=True, version=1)
            await deps.counts.expect(liker, pending)


async def fill(reader: UserId, post_ids: list[PostId], deps: Deps) -> None:
    """The reader's list."""
    await deps.feeds.open(reader, reader)
    await deps.feeds.fill(reader, reader, post_ids)
