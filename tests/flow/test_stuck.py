"""Posts that wait for their media for too long are announced again, once in a while."""

from collections.abc import Iterator

import pytest

from instastream.events import MediaFailed, MediaReady, UploadFinalized
from instastream.ids import MediaId
from instastream.limits import STUCK_S
from instastream.sweeping import stuck
from tests.flow.sweep_world import CHORES, World
from tests.flow.tiny_renderer import DAMAGED

ANNOUNCE = CHORES.index(stuck.announce_stuck)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def lost(world: World, content: bytes = b"a") -> MediaId:
    """A post whose worker passed over it."""
    media_id = world.upload(content)
    world.advance(world.finalize(media_id))
    world.lose(len(world.said(UploadFinalized)) - 1)
    world.handle_all()
    return media_id


def announced(world: World) -> list[MediaId]:
    """What a pass says again."""
    before = len(world.said(UploadFinalized))
    world.advance(world.sweep(ANNOUNCE))
    return [event.media_id for event in world.said(UploadFinalized)[before:]]


def wait(world: World, seconds: float = STUCK_S + 1) -> None:
    world.now_ms += round(seconds * 1000)


def test_what_waits_for_too_long_is_said_again_as_it_was_said(world: World) -> None:
    media_id = lost(world)
    [event] = world.said(UploadFinalized)
    world.now_ms = event.at_ms + STUCK_S * 1000
    assert announced(world) == []
    world.now_ms += 1
    assert announced(world) == [media_id]
    assert world.said(UploadFinalized) == [event, event]
    world.handle_all()
    assert [one.media_id for one in world.said(MediaReady)] == [media_id]
    wait(world)
    assert announced(world) == []


def test_it_is_said_once_in_a_while_until_it_is_heard(world: World) -> None:
    media_id = lost(world)
    wait(world)
    assert announced(world) == [media_id]
    world.lose(1)
    for waits_s in (1, STUCK_S - 3):
        assert announced(world) == []
        wait(world, waits_s)
    assert announced(world) == []
    wait(world, 3)
    assert announced(world) == [media_id]


def test_what_is_ready_failed_or_deleted_is_left_as_it_is(world: World) -> None:
    for content in (b"a", DAMAGED):
        world.advance(world.finalize(world.upload(content)))
    world.handle_all()
    lost(world)
    deleted = world.said(UploadFinalized)[-1]
    world.advance(world.delete(deleted.post_id))
    assert world.said(MediaReady)
    assert world.said(MediaFailed)
    wait(world)
    assert announced(world) == []


def test_what_no_worker_has_handled_yet_is_waited_for(world: World) -> None:
    history = world.given["history"]
    first, second = lost(world), lost(world, b"b")
    wait(world)
    for app in stuck.APPS:
        history.committed = {one: {0: 2} for one in stuck.APPS} | {app: {}}
        assert announced(world) == []
    history.committed[stuck.APPS[-1]] = {0: 1}
    assert announced(world) == [first]
    history.committed = {}
    assert announced(world) == [second]


def test_what_is_answered_in_the_log_is_not_asked_for_again(world: World) -> None:
    """Its rows are late."""
    media_id = world.upload(b"a")
    world.advance(world.finalize(media_id))
    world.advance(world.deliver(("media", UploadFinalized.topic, 0)))
    assert world.said(MediaReady)
    wait(world)
    assert announced(world) == []
    assert world.dry_run() == []


def test_what_another_announces_is_come_back_to_before_what_is_behind_it(world: World) -> None:
    first, second = lost(world), lost(world, b"b")
    wait(world)
    place = f"{stuck.PLACE}/{first}"
    world.advance(world.start(lambda: world.deps.ledger.claim(place, "another", ttl_s=STUCK_S)))
    assert announced(world) == []
    wait(world)
    assert announced(world) == [first, second]


def test_a_pass_ends_and_the_next_one_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stuck, "ASKED_MAX", 2)
    media_ids = [lost(world, content) for content in (b"a", b"b", b"c")]
    wait(world)
    assert announced(world) == media_ids[:2]
    assert announced(world) == media_ids[2:]


def test_one_who_dies_before_it_is_said_loses_nothing(world: World) -> None:
    for steps in range(12):
        media_id = lost(world, b"a" * (steps + 1))
        wait(world)
        sweeper = world.sweep(ANNOUNCE)
        world.advance(sweeper, steps)
        world.kill(sweeper)
        wait(world)
        announced(world)
        world.handle_all()
        assert media_id in {event.media_id for event in world.said(MediaReady)}
