"""A sweep tells what goes and why, with bytes; what it only tells of stays as it is."""

from collections.abc import Iterator

import pytest

from instastream import listing, media
from instastream.events import MediaReady
from instastream.findings import Finding, Kind
from instastream.limits import MULTIPART_TTL_S, UPLOAD_GRACE_S
from instastream.metrics import SWEPT
from instastream.reclaim import reclaim
from instastream.sweeping import missing, objects
from instastream.uploads import original_key
from tests.flow.sweep_facts import GRACE_S, OVER_S, root_of
from tests.flow.sweep_world import CHORES, World
from tests.flow.upload_world import AUTHOR

DANGLING, RECONCILE, RECLAIM = (
    CHORES.index(one) for one in (missing.find_dangling, objects.reconcile, reclaim)
)
LITTER = f"{media.folder_in(root_of(b'lost'), 0)}/full.webp"
STRANGER = "media/0123/thumb.webp"  # of no generation

Told = set[tuple[Kind, str, int, int]]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def ready(world: World, content: bytes = b"a") -> MediaReady:
    """A post, and what it shows."""
    media_id = world.upload(content)
    world.advance(world.finalize(media_id))
    world.handle_all()
    return next(one for one in world.said(MediaReady) if one.media_id == media_id)


def told(found: list[Finding]) -> Told:
    return {(one.kind, one.of, one.objects, one.size_bytes) for one in found}


def expect_swept(world: World, expected: Told) -> None:
    """It is foreseen, told when it goes, and gone then."""
    assert told(world.dry_run()) == expected
    assert told(world.sweep_all()) == expected
    assert world.dry_run() == []


def test_what_nobody_finalized_goes(world: World) -> None:
    ready(world)
    key = original_key(AUTHOR, world.upload(b"never"))
    world.now_ms += OVER_S * 1000
    expect_swept(world, set())
    world.now_ms += 1
    expect_swept(world, {("never-finalized", key, 1, len("never"))})
    assert key not in world.blobs.objects


def test_what_was_put_again_after_it_was_rendered_goes(world: World) -> None:
    event = ready(world, b"again")
    world.put(event.media_id)
    expect_swept(world, set())
    world.now_ms += OVER_S * 1000 + 1
    key = original_key(AUTHOR, event.media_id)
    expect_swept(world, {("unneeded-upload", key, 1, len("again"))})


def test_parts_that_were_abandoned_go(world: World) -> None:
    key = original_key(AUTHOR, world.upload(b"large"))
    world.blobs.objects.clear()
    multiparts = world.given["multiparts"]
    multiparts.arrived[key, "an id"] = {1: (b"part", ""), 2: (b"of", "")}
    multiparts.begun_ms = world.now_ms
    world.now_ms += (MULTIPART_TTL_S + UPLOAD_GRACE_S) * 1000 + 1
    expect_swept(world, {("abandoned-parts", key, 2, len("part" + "of"))})


def test_what_no_post_needs_goes_a_while_after_the_last_one_was_deleted(world: World) -> None:
    first, second = ready(world), ready(world)
    world.advance(world.delete(first.post_id))
    world.handle_all()
    world.now_ms += OVER_S * 1000
    expect_swept(world, set())
    world.advance(world.delete(second.post_id))
    world.handle_all()
    expect_swept(world, set())
    world.now_ms += OVER_S * 1000
    size_bytes = len("a" + "full of a" + "thumb of a")
    expect_swept(world, {("unneeded-media", root_of(b"a"), 3, size_bytes)})
    assert world.blobs.objects == {}


def test_what_nothing_leads_to_goes(world: World) -> None:
    ready(world)
    world.litter(b"lost")
    expect_swept(world, set())
    world.now_ms += OVER_S * 1000
    needed = world.blobs.objects.keys() - {LITTER}
    expect_swept(world, {("orphan", root_of(b"lost"), 1, len("lost"))})
    assert world.blobs.objects.keys() == needed


def test_what_is_young_stays_until_it_no_longer_is(world: World) -> None:
    """A worker that nobody waits for any more may put it, just as a look is due."""
    world.litter(b"lost")
    ledger = world.stores["ledger"]
    world.interleaver.run(ledger.look_later(root_of(b"lost"), due_ms=world.now_ms))
    for waits_s in (GRACE_S - 1, GRACE_S - 1):
        world.now_ms += waits_s * 1000
        world.advance(world.sweep(RECLAIM))
        assert LITTER in world.blobs.objects
    world.now_ms += 1_000
    world.advance(world.sweep(RECLAIM))
    assert world.blobs.objects == {}


def test_what_we_never_put_there_is_told_of_and_left_alone(world: World) -> None:
    others = ["uploads/a", f"uploads/1/{world.upload(b'a')}", STRANGER, "originals/x", "private/y"]
    for key in others:
        world.blobs.keep(key, b"?", None)
    world.now_ms += OVER_S * 1000 + 1
    world.sweep_all()
    for _ in range(2):
        assert told(world.sweep_all()) == {("unknown", key, 1, 1) for key in others}
    assert world.blobs.objects.keys() == {*others}


def test_posts_that_lack_objects_are_told_of(world: World) -> None:
    _whole, broken, deleted = (ready(world, content) for content in (b"a", b"b", b"c"))
    lost, world.checked = broken.variants[1].key, False
    del world.blobs.objects[lost], world.blobs.objects[deleted.variants[0].key]
    world.advance(world.delete(deleted.post_id))
    [found] = world.dry_run()
    assert (found.kind, found.of, found.why) == ("dangling", broken.post_id, lost)
    before = SWEPT.labels("dangling")._value.get()
    world.advance(world.sweep(DANGLING))
    assert SWEPT.labels("dangling")._value.get() == before + 1


def test_a_post_that_is_deleted_while_it_is_looked_at_lacks_nothing(world: World) -> None:
    world.checked = False
    before = SWEPT.labels("dangling")._value.get()
    for steps in range(6):
        post = ready(world, b"%d" % steps)
        looking = world.sweep(DANGLING)
        world.advance(looking, steps)
        world.advance(world.delete(post.post_id))
        while undone := world.undone():
            world.advance(world.deliver(undone[0]))
        world.blobs.objects.clear()
        world.advance(looking)
    assert SWEPT.labels("dangling")._value.get() == before


def test_a_chore_goes_on_where_it_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_LENGTH", 1)
    monkeypatch.setattr(objects, "PAGES_MAX", 2)
    monkeypatch.setattr(missing, "PAGE_LENGTH", 1)
    contents = [b"a", b"b", b"c"]
    for content in contents:
        world.litter(content)
        world.advance(world.finalize(world.upload(b"post of " + content)))
    world.handle_all()
    world.now_ms += OVER_S * 1000
    world.checked = False
    for event in world.said(MediaReady):
        world.blobs.objects.pop(event.variants[0].key)
    looks, lacking = [], []
    for _ in range(7):
        world.advance(world.sweep(RECONCILE))
        looks.append(len({due.root for due in world.stores["ledger"].to_look_at}))
        before = SWEPT.labels("dangling")._value.get()
        world.advance(world.sweep(DANGLING))
        lacking.append(SWEPT.labels("dangling")._value.get() - before)
    assert looks == sorted(looks)
    assert {root_of(content) for content in contents} <= {
        due.root for due in world.stores["ledger"].to_look_at
    }
    assert looks[0] < looks[-1]
    assert lacking == [1, 1, 1, 0, 1, 1, 1], "and begins anew"
