"""One post's life, from upload to feeds."""

import dataclasses

import pytest
from msgspec.structs import replace

from instastream import access, accounts, commands, graph
from instastream.commands import Draft
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.ids import PostId, UserId
from instastream.stores.posts import Post
from tests.flow.conftest import PHOTO, Streams, join, post, upload
from tests.flow.reader import feed, read_page


async def test_a_post_reaches_its_followers_and_nobody_else(deps: Deps, streams: Streams) -> None:
    author, follower, stranger = await join(deps, "author", "follower", "stranger")
    await graph.follow(follower, author, deps)
    posted = await post(deps, author)
    assert posted.status == "processing"
    await streams.run()
    assert await feed(deps, follower) == [posted.post_id]
    assert await feed(deps, stranger) == []
    seen = await access.find_post(posted.post_id, stranger, deps)
    [media] = seen.media
    assert media.rendered
    assert {variant.name for variant in media.rendered.variants} == {"thumb", "feed", "full"}


async def test_a_post_is_in_no_feed_before_its_media_is_ready(deps: Deps) -> None:
    author, follower = await join(deps, "author", "follower")
    await graph.follow(follower, author, deps)
    posted = await post(deps, author)
    assert await feed(deps, follower) == []
    with pytest.raises(Rejected, match="no post"):
        await access.find_post(posted.post_id, follower, deps)
    assert await access.find_post(posted.post_id, author, deps) == posted


async def carousel(deps: Deps, author: UserId, *contents: bytes) -> Post:
    uploads = [await upload(deps, author, content) for content in contents]
    draft = Draft(caption="", media=[media for one in uploads for media in one.media])
    return await commands.finalize(author, draft, idempotency_key=None, deps=deps)


async def test_a_carousel_is_in_feeds_once_and_only_when_all_of_its_media_are_ready(
    deps: Deps, streams: Streams
) -> None:
    author, follower = await join(deps, "author", "follower")
    await graph.follow(follower, author, deps)
    whole = await carousel(deps, author, PHOTO, PHOTO)
    broken = await carousel(deps, author, PHOTO, b"no photograph")
    await streams.run()
    assert await feed(deps, follower) == [whole.post_id]
    assert (await access.find_post(whole.post_id, follower, deps)).status == "ready"
    assert (await access.find_post(broken.post_id, author, deps)).status == "failed"


async def test_a_deleted_post_leaves_every_feed(deps: Deps, streams: Streams) -> None:
    author, follower = await join(deps, "author", "follower")
    await graph.follow(follower, author, deps)
    kept, gone = await post(deps, author), await post(deps, author)
    await commands.delete(author, gone.post_id, deps)
    await streams.run()
    assert await feed(deps, follower) == [kept.post_id]


@pytest.mark.parametrize("fanout", ["push", "pull"])
async def test_a_post_deleted_before_it_is_ready_lands_nowhere(
    deps: Deps, streams: Streams, fanout: str
) -> None:
    pulled = replace(deps.settings, pull_from=0, push_below=0)
    deps = dataclasses.replace(deps, settings=pulled) if fanout == "pull" else deps
    author, follower = await join(deps, "author", "follower")
    await graph.follow(follower, author, deps)
    place = (await deps.changes.since(None))[0].place
    gone, kept = await post(deps, author), await post(deps, author)
    assert gone.fanout == fanout
    await commands.delete(author, gone.post_id, deps)
    await streams.run()
    heard, *_ = await deps.changes.since(place)
    landed = {change.post_id for _, change in heard.changes if change.kind == "landed"}
    assert landed == {kept.post_id}
    assert gone.post_id not in (await deps.feeds.read(follower) or [])
    assert await feed(deps, follower) == [kept.post_id]


async def test_what_is_not_an_image_fails_with_a_reason_for_its_owner(
    deps: Deps, streams: Streams
) -> None:
    author, follower = await join(deps, "author", "follower")
    await graph.follow(follower, author, deps)
    posted = await post(deps, author, b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    await streams.run()
    failed = await access.find_post(posted.post_id, author, deps)
    assert failed.status == "failed"
    assert failed.failure is not None
    assert failed.failure.reason == "not-an-image"
    assert await feed(deps, follower) == []


async def test_a_cold_reader_finds_what_was_posted_before(deps: Deps, streams: Streams) -> None:
    author, other = await join(deps, "author", "other")
    posts = [(await post(deps, who)).post_id for who in (author, other, author)]
    await streams.run()
    reader = (await accounts.join("reader", "a long password", deps)).user_id
    for who in (author, other):
        await graph.follow(reader, who, deps)
    assert await feed(deps, reader) == posts[::-1]
    assert await deps.feeds.read(reader) == posts[::-1], "the list is there from now on"


async def test_a_warm_reader_finds_what_was_posted_before_they_followed(
    deps: Deps, streams: Streams
) -> None:
    author, reader = await join(deps, "author", "reader")
    posts = [(await post(deps, author)).post_id for _ in range(3)]
    await streams.run()
    await graph.follow(reader, author, deps)
    await streams.run()
    assert await feed(deps, reader) == posts[::-1]
    assert await deps.feeds.read(reader) == posts[::-1]


async def test_unfollowing_hides_posts_at_the_next_read(deps: Deps, streams: Streams) -> None:
    author, follower = await join(deps, "author", "follower")
    await graph.follow(follower, author, deps)
    posted = await post(deps, author)
    await streams.run()
    await graph.unfollow(follower, author, deps)
    assert await feed(deps, follower) == []
    await graph.follow(follower, author, deps)
    assert await feed(deps, follower) == [posted.post_id]


async def test_a_large_author_reaches_everyone_page_by_page(
    deps: Deps, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instastream.handlers.feeds.FANOUT_PAGE_LENGTH", 3)
    author, *followers = await join(deps, "author", *(f"follower{n}" for n in range(10)))
    for follower in followers:
        await graph.follow(follower, author, deps)
    posted = await post(deps, author)
    await streams.run()
    for follower in followers:
        assert await deps.feeds.read(follower) == [posted.post_id]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
async def test_a_page_is_never_short_while_there_is_more(
    deps: Deps, streams: Streams, limit: int
) -> None:
    author, left, reader = await join(deps, "author", "left", "reader")
    for who in (author, left):
        await graph.follow(reader, who, deps)
    posts = [(await post(deps, who)).post_id for who in (author, left, left, author, left, author)]
    await streams.run()
    await graph.unfollow(reader, left, deps)
    seen: list[PostId] = []
    before = None
    while True:
        page = await read_page(deps, reader, before=before, limit=limit)
        seen += page.post_ids
        before = page.after
        if before is None:
            break
        assert len(page.post_ids) == limit
    assert seen == [posts[5], posts[3], posts[0]]
