"""No live post ever lacks an object, and no object outlives its last reference past grace.

Whatever is killed, repeated, reordered, or stands still for longer than anyone should: every await
of every store is a place where anything else may happen.
"""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from instastream.events import MediaFailed
from tests.flow.ledger_world import GRACE_S, World
from tests.flow.tiny_renderer import DAMAGED

PROCESSES_MAX = 6
POSTS_MAX = 8
CONTENTS = [b"a", b"a", b"a", b"b", DAMAGED]  # few, so that they meet
CHOICE = st.integers(0, 1 << 16)


class AnythingHappens(RuleBasedStateMachine):
    """Uploads, deletions, deliveries, kills and time, between any two store calls of anyone."""

    world: World

    @initialize()
    def begin(self) -> None:
        self.world = World()

    @precondition(lambda self: len(self.world.contents) < POSTS_MAX)
    @rule(content=st.sampled_from(CONTENTS), private=st.integers(0, 9))
    def finalize(self, content: bytes, private: int) -> None:
        self.world.finalize(content, private=private == 9)

    @precondition(lambda self: self.world.contents)
    @rule(chosen=CHOICE)
    def delete(self, chosen: int) -> None:
        posts = [event.post_id for event in self.world.uploads()]
        self.world.delete(posts[chosen % len(posts)])

    @precondition(lambda self: self.world.undone() and self.has_room())
    @rule(chosen=CHOICE)
    def deliver(self, chosen: int) -> None:
        undone = self.world.undone()
        self.world.deliver(undone[chosen % len(undone)])

    @precondition(lambda self: self.world.log and self.has_room())
    @rule(chosen=CHOICE)
    def deliver_again(self, chosen: int) -> None:
        self.world.deliver(chosen % len(self.world.log))

    @precondition(lambda self: self.has_room())
    @rule()
    def reclaim(self) -> None:
        self.world.reclaim()

    @precondition(lambda self: self.world.processes)
    @rule(chosen=st.lists(CHOICE, min_size=1, max_size=12))
    def go_on(self, chosen: list[int]) -> None:
        for one in chosen:
            self.world.step(one)
            self.world.check_what_is_live()

    @precondition(lambda self: self.world.processes)
    @rule(chosen=CHOICE, steps=st.integers(1, 20))
    def one_goes_on(self, chosen: int, steps: int) -> None:
        self.world.advance(self.one_of_them(chosen), steps)

    @precondition(lambda self: self.world.processes)
    @rule(chosen=CHOICE)
    def kill(self, chosen: int) -> None:
        self.world.kill(self.one_of_them(chosen))

    @precondition(lambda self: self.world.processes)
    @rule(chosen=CHOICE)
    def outlast(self, chosen: int) -> None:
        self.world.outlast(self.one_of_them(chosen))

    @rule(seconds=st.sampled_from([1, 31, GRACE_S + 1]))
    def pass_time(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    def one_of_them(self, chosen: int) -> int:
        return list(self.world.processes)[chosen % len(self.world.processes)]

    def has_room(self) -> bool:
        return len(self.world.processes) < PROCESSES_MAX

    @invariant()
    def what_is_live_is_there(self) -> None:
        self.world.check_what_is_live()

    def teardown(self) -> None:
        try:
            self.world.come_to_rest()
            self.world.check_what_is_left()
        finally:
            self.world.close()


AnythingHappens.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnythingHappens = AnythingHappens.TestCase


@settings(max_examples=60)
@given(st.lists(st.sampled_from([b"a", b"b"]), min_size=2, max_size=5), st.randoms())
def test_identical_uploads_are_rendered_once(contents: list[bytes], random: Random) -> None:
    world = World()
    try:
        for content in contents:
            world.finalize(content)
        for event in world.undone() * 2:
            world.deliver(event)
        while world.processes:
            world.step(random.randrange(1 << 16))
        world.come_to_rest()
        world.check_what_is_left()
        assert world.renderer.renders == dict.fromkeys(contents, 1)
        assert len(world.folders()) == len(set(contents))
    finally:
        world.close()


@settings(max_examples=60)
@given(st.integers(2, 5), st.randoms())
def test_of_twins_that_cannot_be_rendered_one_is_tried(twins: int, random: Random) -> None:
    world = World()
    try:
        for _ in range(twins):
            world.finalize(DAMAGED)
        for event in world.undone() * 2:
            world.deliver(event)
        while world.processes:
            world.step(random.randrange(1 << 16))
        world.come_to_rest()
        world.check_what_is_left()
        assert world.renderer.renders == {DAMAGED: 1}
        failures = {event.media_id for event in world.log if isinstance(event, MediaFailed)}
        assert failures == set(world.contents)
    finally:
        world.close()


def test_nothing_is_rendered_of_a_deleted_post() -> None:
    world = World()
    try:
        world.delete(world.finalize(b"a"))
        world.advance(world.deliver(1), 100)  # the deletion, before anyone has seen the upload
        world.come_to_rest()
        assert not world.renderer.renders
        assert not world.blobs.objects
    finally:
        world.close()


def test_a_dry_run_says_what_would_go_and_deletes_nothing() -> None:
    world = World()
    try:
        world.finalize(b"a")
        unneeded = world.finalize(b"bb")
        world.handle_all()
        before = dict(world.blobs.objects)
        world.delete(unneeded)
        world.handle_all()
        world.pass_time(GRACE_S + 1)
        verdicts = world.dry_run()
        assert world.blobs.objects == before
        stays, goes = sorted(verdicts, key=lambda one: one.objects)
        assert (stays.needed, goes.needed) == (True, False)
        assert (goes.objects, goes.size_bytes) == (3, 2 + len(b"full of bb") + len(b"thumb of bb"))
        assert world.ledger.to_look_at, "a dry run leaves what is due"
    finally:
        world.close()
