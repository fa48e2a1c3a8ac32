"""The contract of Posts."""

from itertools import permutations
from typing import TypeVar
from uuid import uuid4

import pytest
from msgspec.structs import replace

from instastream.counting import EPOCHS, version_of
from instastream.deps import Deps
from instastream.events import (
    AltText,
    Event,
    MediaFailed,
    MediaReady,
    PostDeleted,
    PostEdited,
    UploadFinalized,
    Variant,
)
from instastream.ids import MediaId, PostId, UserId, compose, minted_ms
from instastream.limits import LIKE_SHARDS_MAX
from instastream.media import Outcome
from instastream.stores.posts import Failure, Media, Post
from tests.stores.conftest import new_id

VARIANT = Variant("feed", "media/d/feed-1.webp", 1080, 720, 9)
Told = TypeVar("Told", UploadFinalized, MediaReady, MediaFailed)
MONTH_MS = 31 * 86_400_000
JOINED_MS = 1_780_000_000_000


def finalized(post_id: PostId, author: UserId) -> UploadFinalized:
    return UploadFinalized(
        media_id=MediaId(str(uuid4())),
        post_id=post_id,
        author_id=author,
        content_type="image/jpeg",
        size_bytes=5,
        caption="a caption",
        alt_text="what it shows",
        at_ms=1_000,
    )


def ready(post_id: PostId, author: UserId) -> MediaReady:
    return MediaReady(
        media_id=MediaId(str(uuid4())),
        post_id=post_id,
        author_id=author,
        digest="d",
        variants=[VARIANT],
        thumbhash="hash",
        colour="#102030",
        at_ms=900,  # a worker's clock may be behind
    )


def failed(post_id: PostId, author: UserId) -> MediaFailed:
    return MediaFailed(
        media_id=MediaId(str(uuid4())),
        post_id=post_id,
        author_id=author,
        reason="truncated",
        detail="The image ends early.",
        at_ms=950,
    )


async def test_events_in_any_order_and_twice_leave_the_same_post(deps: Deps, user: UserId) -> None:
    for order in permutations((0, 1, 2)):
        post_id = PostId(new_id())
        events = (finalized(post_id, user), ready(post_id, user), failed(post_id, user))
        for turn in (*order, order[0]):
            await record(deps, events[turn])
        post = Post(
            post_id=post_id,
            author_id=user,
            caption="a caption",
            media=[
                Media(
                    position=0,
                    media_id=events[0].media_id,
                    content_type="image/jpeg",
                    alt_text="what it shows",
                    rendered=Outcome(variants=[VARIANT], thumbhash="hash", colour="#102030"),
                    failure=Failure("truncated", "The image ends early."),
                )
            ],
            media_count=1,
        )
        assert await deps.posts.get([post_id]) == {post_id: post}
        assert post.status == "ready"


async def record(deps: Deps, event: Event) -> None:
    match event:
        case UploadFinalized():
            await deps.posts.record_finalized(event)
        case MediaReady():
            await deps.posts.record_ready(event)
        case MediaFailed():
            await deps.posts.record_failed(event)
        case PostDeleted():
            await deps.posts.record_deleted(event)


def at_position(event: Told, position: int, of: int) -> Told:
    return replace(event, position=position, media_count=of)


async def test_a_post_is_ready_when_all_of_its_media_are_in_their_order(
    deps: Deps, user: UserId, post_ids: list[PostId]
) -> None:
    post_id = post_ids[0]
    media = [at_position(finalized(post_id, user), n, of=3) for n in range(3)]
    rendered = [at_position(ready(post_id, user), n, of=3) for n in range(3)]
    await record(deps, rendered[1])
    for event in (media[2], media[0]):
        await record(deps, event)
    await record(deps, rendered[2])
    post = (await deps.posts.get([post_id]))[post_id]
    assert [one.position for one in post.media] == [0, 2]
    assert (post.status, await deps.posts.all_ready(post_id, 3)) == ("processing", False)
    await record(deps, rendered[0])
    assert await deps.posts.all_ready(post_id, 3), "finalized or not"
    assert (await deps.posts.get([post_id]))[post_id].status == "processing"
    await record(deps, media[1])
    post = (await deps.posts.get([post_id]))[post_id]
    assert [one.media_id for one in post.media] == [event.media_id for event in media]
    assert post.status == "ready"


async def test_a_post_that_is_deleted_is_not_ready_whatever_came_first(
    deps: Deps, user: UserId
) -> None:
    for order in permutations(range(2)):
        post_id = PostId(new_id())
        deleted = PostDeleted(post_id=post_id, author_id=user, at_ms=2_000)
        events = (ready(post_id, user), deleted)
        for turn in (*order, order[0]):
            await record(deps, events[turn])
        assert not await deps.posts.all_ready(post_id, 1)
        assert await deps.posts.all_ready(post_id, 1, even_deleted=True)
        assert not await deps.posts.all_ready(post_id, 2, even_deleted=True)


async def test_one_media_that_fails_fails_its_post(
    deps: Deps, user: UserId, post_ids: list[PostId]
) -> None:
    post_id = post_ids[0]
    for n in range(2):
        await record(deps, at_position(finalized(post_id, user), n, of=2))
    await record(deps, at_position(ready(post_id, user), 0, of=2))
    await record(deps, at_position(failed(post_id, user), 1, of=2))
    post = (await deps.posts.get([post_id]))[post_id]
    assert (post.status, post.failure) == ("failed", post.media[1].failure)


async def test_the_last_edit_in_the_log_counts_whenever_it_comes(deps: Deps, user: UserId) -> None:
    for order in permutations(range(4)):
        post_id = PostId(new_id())
        nothing = PostEdited(post_id=post_id, author_id=user, at_ms=2_000)
        edits = [
            replace(nothing, caption="first", alt_texts=[AltText(0, "zero"), AltText(1, "one")]),
            replace(nothing, alt_texts=[AltText(0, "later")]),
            replace(nothing, caption=""),
        ]
        for turn in (*order, order[0]):
            if turn == 3:
                for n in range(2):
                    await record(deps, at_position(finalized(post_id, user), n, of=2))
            else:
                await deps.posts.record_edited(edits[turn], version=turn + 1)
        post = (await deps.posts.get([post_id]))[post_id]
        assert (post.caption, [one.alt_text for one in post.media]) == ("", ["later", "one"])


async def test_words_of_a_topic_made_anew_are_later_though_its_offsets_are_not(
    deps: Deps, user: UserId, post_ids: list[PostId]
) -> None:
    post_id = post_ids[0]
    await record(deps, finalized(post_id, user))
    told = 0
    for epoch, offset in ((0, 10**9), (1, 0), (0, 10**9), (EPOCHS - 1, 10**13)):
        words, alt_texts = f"of epoch {epoch}", [AltText(0, f"seen in {epoch}")]
        edit = PostEdited(
            post_id=post_id, author_id=user, caption=words, alt_texts=alt_texts, at_ms=1
        )
        version = version_of(epoch=epoch, offset=offset)
        await deps.posts.record_edited(edit, version=version)
        told = max(told, epoch)
        post = (await deps.posts.get([post_id]))[post_id]
        assert (post.caption, post.media[0].alt_text) == (f"of epoch {told}", f"seen in {told}")


async def test_what_is_deleted_stays_so_whatever_comes_later(deps: Deps, user: UserId) -> None:
    for order in permutations(range(3)):
        post_id = PostId(new_id())
        gone = PostDeleted(post_id=post_id, author_id=user, at_ms=950)
        events = (finalized(post_id, user), ready(post_id, user), gone)
        for turn in (*order, order[0]):
            await record(deps, events[turn])
        assert (await deps.posts.get([post_id]))[post_id].status == "deleted"
        before = PostId(compose(at_ms=minted_ms(post_id) + 1, worker=0, sequence=0))
        assert post_id not in await deps.posts.timeline(user, before=before, limit=9)


async def test_a_post_knows_how_its_likes_are_counted(
    deps: Deps, user: UserId, post_ids: list[PostId]
) -> None:
    for post_id, shards in zip(post_ids, (1, 2, LIKE_SHARDS_MAX), strict=False):
        await record(deps, replace(finalized(post_id, user), like_shards=shards))
    posts = await deps.posts.get(post_ids)
    assert [posts[post_id].like_shards for post_id in post_ids[:3]] == [1, 2, LIKE_SHARDS_MAX]


async def test_a_post_is_processing_until_its_media_is_ready_or_failed(
    deps: Deps, user: UserId, post_ids: list[PostId]
) -> None:
    waiting, bad = post_ids[:2]
    for post_id in (waiting, bad):
        await deps.posts.record_finalized(finalized(post_id, user))
    await deps.posts.record_failed(failed(bad, user))
    posts = await deps.posts.get([waiting, bad])
    assert posts[waiting].status == "processing"
    assert posts[bad].status == "failed"


async def test_only_finalized_posts_are_got(deps: Deps, user: UserId) -> None:
    unfinalized, unknown, known = (PostId(new_id()) for _ in range(3))
    await deps.posts.record_ready(ready(unfinalized, user))
    await deps.posts.record_finalized(finalized(known, user))
    assert set(await deps.posts.get([unfinalized, unknown, known])) == {known}
    assert await deps.posts.get([]) == {}


@pytest.fixture
def yearlong() -> tuple[UserId, list[PostId]]:
    """An author who joined long ago, and a post from each of twelve months, newest first."""
    author = UserId(new_id(at_ms=JOINED_MS))
    posts = [PostId(new_id(at_ms=JOINED_MS + n * MONTH_MS)) for n in range(12)]
    return author, posts[::-1]


async def test_a_timeline_descends_across_months_page_by_page(
    deps: Deps, yearlong: tuple[UserId, list[PostId]]
) -> None:
    author, posts = yearlong
    for post_id in posts[::2]:
        await deps.posts.record_finalized(finalized(post_id, author))
    for post_id in posts[1::2]:  # seen by its media first
        await deps.posts.record_ready(ready(post_id, author))
    before = PostId(compose(at_ms=JOINED_MS + 13 * MONTH_MS, worker=0, sequence=0))
    first = await deps.posts.timeline(author, before=before, limit=5)
    second = await deps.posts.timeline(author, before=first[-1], limit=100)
    assert first + second == posts
    assert len(first) == 5
    assert await deps.posts.timeline(author, before=posts[-1], limit=5) == []
    above = await deps.posts.timeline(author, before=before, limit=100, above=first[-1])
    assert above == first[:-1]


async def test_all_posts_are_gone_through_a_page_at_a_time(deps: Deps, user: UserId) -> None:
    post_ids = {PostId(new_id()) for _ in range(7)}
    for post_id in post_ids:
        await deps.posts.record_finalized(finalized(post_id, user))
    pages: list[list[PostId]] = []
    while page := await deps.posts.ids_after(pages[-1][-1] if pages else "", limit=3):
        pages.append(page)
    found = [post_id for page in pages for post_id in page]
    assert len(found) == len(set(found))
    assert post_ids <= set(found)
    assert {len(page) for page in pages[:-1]} == {3}
