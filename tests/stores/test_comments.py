"""The contract of Comments."""

from itertools import permutations

import pytest
from msgspec.structs import replace

from instastream.comments import (
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    CommentEvent,
    Mention,
)
from instastream.counting import EPOCHS, version_of
from instastream.deps import Deps
from instastream.ids import CommentId, PostId, UserId
from instastream.stores.comments import Comment, Order
from tests.stores.conftest import new_id

BOTH: tuple[Order, Order] = ("oldest", "newest")


def added(post_id: PostId, *, bucket: int = 0, reply_to: CommentId | None = None) -> CommentAdded:
    author = UserId(new_id())
    return CommentAdded(
        comment_id=CommentId(new_id()),
        post_id=post_id,
        reply_to=reply_to,
        bucket=bucket,
        author_id=author,
        text="first words",
        mentions=[Mention(author, "ada")],
        at_ms=1_000,
    )


def edited(event: CommentAdded, text: str) -> CommentEdited:
    return CommentEdited(
        comment_id=event.comment_id,
        post_id=event.post_id,
        reply_to=event.reply_to,
        bucket=event.bucket,
        text=text,
        at_ms=900,  # another server's clock may be behind
    )


def deleted(event: CommentAdded) -> CommentDeleted:
    return CommentDeleted(
        comment_id=event.comment_id,
        post_id=event.post_id,
        reply_to=event.reply_to,
        bucket=event.bucket,
        deleted_by=event.author_id,
        at_ms=950,
    )


def shown(event: CommentAdded) -> Comment:
    """A comment as it was added."""
    return Comment(
        comment_id=event.comment_id,
        post_id=event.post_id,
        reply_to=event.reply_to,
        bucket=event.bucket,
        author_id=event.author_id,
        text=event.text,
        mentions=event.mentions,
    )


async def record(deps: Deps, event: CommentEvent, offset: int) -> None:
    match event:
        case CommentAdded():
            await deps.comments.record_added(event)
        case CommentEdited():
            await deps.comments.record_edited(event, version=version_of(epoch=0, offset=offset))
        case CommentDeleted():
            await deps.comments.record_deleted(event)


async def thread(
    deps: Deps, thread_id: str, order: Order, after: CommentId | None = None, limit: int = 100
) -> list[CommentId]:
    page = await deps.comments.thread(thread_id, order=order, after=after, limit=limit)
    return [comment.comment_id for comment in page]


async def paged(deps: Deps, thread_id: str, order: Order, limit: int) -> list[CommentId]:
    """Every page of a thread, one after another; only the last is short."""
    listed: list[CommentId] = []
    while page := await thread(deps, thread_id, order, listed[-1] if listed else None, limit):
        assert len(page) == limit or not await thread(deps, thread_id, order, page[-1])
        listed += page
    return listed


async def test_a_comment_and_a_reply_to_it_are_as_they_were_added(
    deps: Deps, post_ids: list[PostId]
) -> None:
    comment = added(post_ids[0])
    reply = added(post_ids[0], reply_to=comment.comment_id, bucket=3)
    for event in (comment, reply):
        await deps.comments.record_added(event)
    unknown = CommentId(new_id())
    assert await deps.comments.get([reply.comment_id, unknown, comment.comment_id]) == {
        comment.comment_id: shown(comment),
        reply.comment_id: shown(reply),
    }
    assert await deps.comments.get([]) == {}
    for order in BOTH:
        assert await thread(deps, post_ids[0], order) == [comment.comment_id]
        assert await thread(deps, comment.comment_id, order) == [reply.comment_id]
        [listed] = await deps.comments.thread(post_ids[0], order=order, after=None, limit=9)
        assert listed == shown(comment)


@pytest.mark.parametrize("buckets", [[0] * 7, [0, 0, 0, 1, 1, 2, 2], [0, 3, 3, 4, 9, 30, 31]])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_each_page_goes_on_where_the_last_one_ended_in_any_bucket(
    deps: Deps, post_ids: list[PostId], buckets: list[int], limit: int
) -> None:
    events = [added(post_ids[0], bucket=bucket) for bucket in buckets]
    for event in (*events[::2], *events[1::2]):
        await deps.comments.record_added(event)
    ids = [event.comment_id for event in events]
    assert await paged(deps, post_ids[0], "oldest", limit) == ids
    assert await paged(deps, post_ids[0], "newest", limit) == ids[::-1]


async def test_a_late_bucket_comes_after_a_later_id(deps: Deps, post_ids: list[PostId]) -> None:
    early, late = added(post_ids[0], bucket=1), added(post_ids[0], bucket=0)
    for event in (early, late):
        await deps.comments.record_added(event)
    assert await thread(deps, post_ids[0], "oldest") == [late.comment_id, early.comment_id]
    assert await thread(deps, post_ids[0], "newest") == [early.comment_id, late.comment_id]


async def test_nothing_comes_after_what_is_not_in_the_thread(
    deps: Deps, post_ids: list[PostId]
) -> None:
    here, elsewhere = added(post_ids[0]), added(post_ids[1])
    for event in (here, elsewhere):
        await deps.comments.record_added(event)
    for order in BOTH:
        for after in (elsewhere.comment_id, CommentId(new_id())):
            assert await thread(deps, post_ids[0], order, after) == []


async def test_the_last_edit_in_the_log_counts_and_deletion_is_for_good_in_any_order(
    deps: Deps, post_ids: list[PostId]
) -> None:
    for order in permutations(range(4)):
        event = added(post_ids[0])
        events = [event, edited(event, "later"), edited(event, "last"), deleted(event)]
        for turn in (*order, order[0]):
            before = (await deps.comments.get([event.comment_id])).get(event.comment_id)
            await record(deps, events[turn], turn)
            after = (await deps.comments.get([event.comment_id])).get(event.comment_id)
            assert before is None or not before.deleted or (after and after.deleted)
        gone = replace(shown(event), text="", mentions=[], edited_ms=900, deleted=True)
        assert (await deps.comments.get([event.comment_id]))[event.comment_id] == gone
        assert event.comment_id in await thread(deps, post_ids[0], "newest"), "it keeps its place"


async def test_a_comment_that_is_edited_has_the_last_words_in_any_order(
    deps: Deps, post_ids: list[PostId]
) -> None:
    for order in permutations(range(3)):
        event = added(post_ids[0])
        events = [event, edited(event, "later"), edited(event, "")]
        for turn in (*order, order[0]):
            await record(deps, events[turn], turn - 1)  # the first edit is at offset 0
        last = replace(shown(event), text="", mentions=[], edited_ms=900)
        assert (await deps.comments.get([event.comment_id]))[event.comment_id] == last


async def test_words_of_a_topic_made_anew_are_later_though_its_offsets_are_not(
    deps: Deps, post_ids: list[PostId]
) -> None:
    event = added(post_ids[0])
    await deps.comments.record_added(event)
    for epoch, offset in ((0, 10**9), (1, 0), (0, 10**9)):
        words = edited(event, f"of epoch {epoch}")
        version = version_of(epoch=epoch, offset=offset)
        await deps.comments.record_edited(words, version=version)
    assert (await deps.comments.get([event.comment_id]))[event.comment_id].text == "of epoch 1"
    last = version_of(epoch=EPOCHS - 1, offset=10**13)
    await deps.comments.record_edited(edited(event, "the very last"), version=last)
    await deps.comments.record_deleted(deleted(event))
    assert (await deps.comments.get([event.comment_id]))[event.comment_id].text == ""


async def test_what_is_not_added_yet_is_not_there_and_makes_no_page_short(
    deps: Deps, post_ids: list[PostId]
) -> None:
    events = [added(post_ids[0]) for _ in range(6)]
    for number, event in enumerate(events):
        early = [event, deleted(event), edited(event, "early")][number % 3]
        await record(deps, early, number)
    ids = [event.comment_id for event in events[::3]]
    assert set(await deps.comments.get([event.comment_id for event in events])) == set(ids)
    assert await thread(deps, post_ids[0], "oldest", limit=2) == ids
    assert await thread(deps, post_ids[0], "newest", limit=2) == ids[::-1]
