"""Authors, posts, readers and their lists, written to the stores as the workers would."""

import asyncio
from collections.abc import Awaitable, Iterable
from secrets import token_hex

from instastream.deps import Deps
from instastream.events import MediaReady, UploadFinalized, UserJoined, Variant
from instastream.ids import MediaId, PostId, UserId
from instastream.media import VARIANTS, media_folder, object_key
from instastream.stores.cassandra.graph import FOLLOW
from instastream.stores.cassandra.session import Session

AT_ONCE = 128
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


async def fill(reader: UserId, post_ids: list[PostId], deps: Deps) -> None:
    """The reader's list."""
    await deps.feeds.open(reader)
    await deps.feeds.fill(reader, post_ids)
