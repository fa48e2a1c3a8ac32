"""Sweeps remove all that nothing needs and nothing that something needs, whatever races."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from instastream.events import UploadFinalized
from instastream.limits import STUCK_S
from tests.flow.sweep_facts import GRACE_S, OVER_S
from tests.flow.sweep_world import CHORES, World
from tests.flow.tiny_renderer import DAMAGED

PROCESSES_MAX = 6
UPLOADS_MAX = 6
CONTENTS = [b"a", b"a", b"a", b"b", DAMAGED]  # few, so that they meet
CHOICE = st.integers(0, 1 << 16)


class AnythingHappens(RuleBasedStateMachine):
    """Finalize, dedup, deletion, replay, loss, kills, every sweep: between any two store calls."""

    world: World

    @initialize()
    def begin(self) -> None:
        self.world = World()

    @precondition(lambda self: len(self.world.contents) < UPLOADS_MAX)
    @rule(content=st.sampled_from(CONTENTS))
    def upload(self, content: bytes) -> None:
        self.world.upload(content)

    @precondition(lambda self: self.world.contents and self.has_room())
    @rule(chosen=CHOICE, both=st.booleans())
    def finalize(self, chosen: int, both: bool) -> None:
        ids = [*self.world.contents]
        first, second = ids[chosen % len(ids)], ids[(chosen + 1) % len(ids)]
        self.world.finalize(*{first: 0, second: 0} if both else [first])

    @precondition(lambda self: self.world.contents)
    @rule(chosen=CHOICE)
    def put_again(self, chosen: int) -> None:
        self.world.put([*self.world.contents][chosen % len(self.world.contents)])

    @rule(content=st.sampled_from([b"a", b"c"]))
    def litter(self, content: bytes) -> None:
        self.world.litter(content)

    @precondition(lambda self: self.world.said(UploadFinalized) and self.has_room())
    @rule(chosen=CHOICE)
    def delete(self, chosen: int) -> None:
        events = self.world.said(UploadFinalized)
        self.world.delete(events[chosen % len(events)].post_id)

    @precondition(lambda self: self.world.said(UploadFinalized))
    @rule(chosen=CHOICE)
    def lose(self, chosen: int) -> None:
        self.world.lose(chosen % len(self.world.said(UploadFinalized)))

    @precondition(lambda self: self.world.undone() and self.has_room())
    @rule(chosen=CHOICE)
    def deliver(self, chosen: int) -> None:
        undone = self.world.undone()
        self.world.deliver(undone[chosen % len(undone)])

    @precondition(lambda self: self.world.done and self.has_room())
    @rule(chosen=CHOICE)
    def replay(self, chosen: int) -> None:
        done = sorted(self.world.done)
        self.world.deliver(done[chosen % len(done)])

    @precondition(lambda self: self.has_room())
    @rule(chore=st.integers(0, len(CHORES) - 1))
    def sweep(self, chore: int) -> None:
        self.world.sweep(chore)

    @precondition(lambda self: self.world.processes())
    @rule(chosen=st.lists(CHOICE, min_size=1, max_size=12))
    def go_on(self, chosen: list[int]) -> None:
        for one in chosen:
            if processes := self.world.processes():
                self.world.step(processes[one % len(processes)])

    @precondition(lambda self: self.world.processes())
    @rule(chosen=CHOICE, steps=st.integers(1, 40))
    def one_goes_on(self, chosen: int, steps: int) -> None:
        self.world.advance(self.one_of_them(chosen), steps)

    @precondition(lambda self: self.world.processes())
    @rule(chosen=CHOICE)
    def kill(self, chosen: int) -> None:
        self.world.kill(self.one_of_them(chosen))

    @rule(seconds=st.sampled_from([1, 31, GRACE_S + 1, STUCK_S, OVER_S + 1]))
    def pass_time(self, seconds: int) -> None:
        self.world.now_ms += seconds * 1000

    @rule(chore=st.integers(0, len(CHORES) - 1))
    def sweep_alone(self, chore: int) -> None:
        self.world.advance(self.world.sweep(chore))

    @rule()
    def settle(self) -> None:
        self.world.handle_all()
        self.world.dry_run()

    def one_of_them(self, chosen: int) -> int:
        processes = self.world.processes()
        return processes[chosen % len(processes)]

    def has_room(self) -> bool:
        return len(self.world.processes()) < PROCESSES_MAX

    def teardown(self) -> None:
        try:
            self.world.come_to_rest()
            self.world.check_what_is_left()
            assert self.world.dry_run() == []
        finally:
            self.world.close()


AnythingHappens.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnythingHappens = AnythingHappens.TestCase
