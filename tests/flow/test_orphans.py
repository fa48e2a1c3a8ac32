"""What lies under `uploads/` and is needed no more goes; what is needed stays, whatever races."""

from collections.abc import Iterator
from itertools import product

import pytest

from instastream import listing, multipart, orphans
from instastream.errors import Unavailable
from instastream.events import MediaFailed, MediaReady
from instastream.ids import PostId
from instastream.limits import MULTIPART_TTL_S, UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.stores.posts import Post
from instastream.stores.uploads import Upload
from instastream.uploads import key_of
from tests.flow.tiny_renderer import DAMAGED
from tests.flow.upload_world import AUTHOR, World

OVER_MS = (UPLOAD_TTL_S + UPLOAD_GRACE_S) * 1000
STEPS = 16  # store calls of a finalize, a worker or a sweep


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def posted(world: World, content: bytes = b"a") -> Upload:
    """An upload that is a post, which its worker did not see yet."""
    upload = world.upload(content)
    world.advance(world.finalize(upload))
    return upload


@pytest.mark.parametrize("multipart_id", [None, "an id"])
@pytest.mark.parametrize("late_ms", [0, 1])
def test_an_upload_that_nobody_finalized_goes_once_nobody_can(
    world: World, multipart_id: str | None, late_ms: int
) -> None:
    upload = world.upload(multipart_id=multipart_id)
    ttl_s = MULTIPART_TTL_S if multipart_id else UPLOAD_TTL_S
    world.pass_ms((ttl_s + UPLOAD_GRACE_S) * 1000 + late_ms)
    world.advance(world.sweep())
    assert world.there() == (set() if late_ms else {upload.media_id})
    world.put(upload)
    world.advance(world.finalize(upload))
    assert list(world.refused.values()) == ["upload-aborted" if late_ms else "upload-expired"]


@pytest.mark.parametrize("fate", ["ready", "deleted", "aborted"])
def test_what_is_put_again_afterwards_goes(world: World, fate: str) -> None:
    content = DAMAGED if fate == "deleted" else b"a"
    upload = world.upload(content)
    if fate == "aborted":
        world.advance(world.start(multipart.abort(AUTHOR, upload.media_id, world.deps)))
    else:
        world.advance(world.finalize(upload))
        world.settle()
    if fate == "deleted":
        world.delete(upload)
        world.settle()
    assert world.there() == set()
    before = dict(world.blobs.objects)
    world.put(upload, content)
    world.advance(world.sweep(late_ms=OVER_MS))
    assert world.there() == {upload.media_id}, "its address may still be used"
    world.advance(world.sweep(late_ms=OVER_MS + 1))
    assert world.blobs.objects == before


def test_what_a_post_may_need_stays_however_old(world: World) -> None:
    failed, waiting, claimed = posted(world, DAMAGED), world.upload(b"b"), world.upload(b"c")
    world.settle()
    assert any(isinstance(event, MediaFailed) for event in world.events("media"))
    world.advance(world.finalize(waiting))
    world.advance(world.finalize(claimed), 5)  # it dies before it appends
    assert world.uploads.uploads[claimed.media_id].claim
    assert len(world.events("uploads")) == 2
    world.pass_ms(1_000 * OVER_MS)
    world.advance(world.sweep())
    assert world.there() == {failed.media_id, waiting.media_id, claimed.media_id}
    world.advance(world.finalize(claimed))
    world.delete(failed)
    world.settle()
    assert world.there() == set()
    assert len([one for one in world.events("media") if isinstance(one, MediaReady)]) == 2


def test_what_we_gave_no_address_for_is_left_alone(world: World) -> None:
    upload = world.upload()
    world.advance(world.start(multipart.abort(AUTHOR, upload.media_id, world.deps)))
    others = ["uploads/a", "uploads/1/b", f"{key_of(upload)}/c", key_of(upload).upper()]
    others.append(f"uploads/1/{upload.media_id}")
    for key in others:
        world.blobs.keep(key, b"", None)
    world.pass_ms(OVER_MS + 1)
    world.advance(world.sweep())
    assert sorted(world.blobs.objects) == sorted(others)


@pytest.mark.parametrize("sweep_first", [False, True])
def test_of_a_finalize_and_a_sweep_one_wins(sweep_first: bool) -> None:
    outcomes = set()
    for before, between in product(range(STEPS), repeat=2):
        world = World()
        upload = world.upload()
        both = [world.finalize(upload), world.sweep(late_ms=OVER_MS + 1)]
        one, other = both[::-1] if sweep_first else both
        for process, steps in ((one, before), (other, between), (one, 100), (other, 100)):
            world.advance(process, steps)
        world.settle()
        ready = [event for event in world.events("media") if isinstance(event, MediaReady)]
        assert len(ready) + len(world.refused) == 1
        assert not any(isinstance(event, MediaFailed) for event in world.events("media"))
        assert world.there() == set()
        outcomes.add(world.refused.get(0, "a post"))
        world.close()
    assert outcomes == {"a post", "upload-aborted", "upload-missing"}


@pytest.mark.parametrize("again", [False, True])
def test_a_worker_and_a_sweep_never_lose_a_post(again: bool) -> None:
    """Also a worker that gets its event once more, and an original that was put once more."""
    for before, between in product(range(STEPS), repeat=2):
        world = World()
        upload = posted(world)
        if again:
            world.settle()
            world.put(upload)
        world.pass_ms(1_000 * OVER_MS)
        worker, sweep = world.work(), world.sweep()
        for process, steps in ((worker, before), (sweep, between), (worker, 100), (sweep, 100)):
            world.advance(process, steps)
        world.settle()
        world.advance(world.sweep())
        assert {type(event) for event in world.events("media")} == {MediaReady}
        assert world.there() == set()
        [_post] = world.posts.finalized
        world.close()


def test_each_pass_goes_on_where_the_last_one_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_LENGTH", 2)
    monkeypatch.setattr(orphans, "PAGES_MAX", 2)
    for _ in range(9):
        world.upload()
    world.pass_ms(OVER_MS + 1)
    left = []
    for _ in range(4):
        world.advance(world.sweep())
        left.append(len(world.there()))
        if len(left) == 3:
            world.upload()
            world.pass_ms(OVER_MS + 1)
    assert left == [5, 1, 0, 0], "four, four and one; then it begins anew"


def test_a_pass_says_how_many_objects_went(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_LENGTH", 2)
    said = []

    async def sweep() -> None:
        said.append(await orphans.sweep_uploads(world.deps))

    posted(world)
    for _ in range(5):
        world.upload()
    world.pass_ms(OVER_MS + 1)
    for _ in range(2):
        world.advance(world.start(sweep()))
    assert said == [5, 0]


async def never(post_ids: list[PostId]) -> dict[PostId, Post]:
    raise Unavailable("cassandra", "no answer")


def test_a_page_that_fails_does_not_stop_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_LENGTH", 1)
    failing = posted(world)
    world.upload()
    world.pass_ms(OVER_MS + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.posts, "get", never)
        with pytest.raises(Unavailable):
            world.advance(world.sweep())
        world.advance(world.sweep())
    assert world.there() == {failing.media_id}
