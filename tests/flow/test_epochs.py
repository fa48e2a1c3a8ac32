"""What is said last is right, also where its topic was made anew and its offsets began again."""

import dataclasses
from typing import Any

import msgspec

from infra.provision import topics
from instastream.deps import Deps
from instastream.events import (
    DATED,
    Event,
    PostEdited,
    ProfileChanged,
    Record,
    UploadFinalized,
    UserBlocked,
    UserFollowed,
    UserJoined,
    UserUnblocked,
    UserUnfollowed,
)
from instastream.handlers.graph import GRAPH
from instastream.handlers.posts import POSTS
from instastream.handlers.table import Handlers
from instastream.ids import MediaId, PostId, UserId
from tests.flow.test_commenting import Epoch

POST, AUTHOR = PostId("1795000000000000001"), UserId("1795000000000000002")
READER = UserId("1795000000000000003")
FINALIZED = UploadFinalized(
    media_id=MediaId("6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a"),
    post_id=POST,
    author_id=AUTHOR,
    content_type="image/png",
    size_bytes=1,
    caption="",
    alt_text="",
    at_ms=1,
)


async def tell(deps: Deps, handlers: Handlers, event: Event, *, epoch: int, offset: int) -> None:
    at = dataclasses.replace(deps, epochs=Epoch(epoch))
    await handlers[type(event)](Record(event, 0, offset), at)


def test_topics_whose_offsets_date_what_is_kept_are_those_with_an_epoch() -> None:
    assert {name for name, topic in topics().items() if topic.epoch is not None} == DATED


async def test_a_post_has_the_words_that_were_said_last(deps: Deps) -> None:
    await tell(deps, POSTS, FINALIZED, epoch=0, offset=0)
    for epoch, offset in ((0, 1_000), (1, 0), (0, 1_000)):
        edit = PostEdited(post_id=POST, author_id=AUTHOR, caption=f"of {epoch}", at_ms=1)
        await tell(deps, POSTS, edit, epoch=epoch, offset=offset)
    assert (await deps.posts.get([POST]))[POST].caption == "of 1"


async def test_who_is_what_to_whom_is_what_was_said_last(deps: Deps) -> None:
    edge: dict[str, Any] = {"follower_id": READER, "followee_id": AUTHOR, "at_ms": 1}
    wall: dict[str, Any] = {"blocker_id": READER, "blocked_id": AUTHOR, "at_ms": 1}
    private = ProfileChanged(user_id=AUTHOR, private=True, at_ms=1)
    joined = UserJoined(user_id=AUTHOR, username="author", at_ms=1)
    await tell(deps, GRAPH, joined, epoch=0, offset=0)
    for before, after in (
        (UserFollowed(**edge), UserUnfollowed(**edge)),
        (UserUnblocked(**wall), UserBlocked(**wall)),
        (msgspec.structs.replace(private, private=False), private),
    ):
        for event, epoch, offset in ((before, 0, 1_000), (after, 1, 0), (before, 0, 1_000)):
            await tell(deps, GRAPH, event, epoch=epoch, offset=offset)
    relations, author = await deps.graph.relations(READER), await deps.users.get(AUTHOR)
    assert relations.following == set()
    assert relations.blocks == {AUTHOR}
    assert author
    assert author.private
