"""Whatever happens to those who count, between any two calls: it comes to what the log says."""

from hypothesis import HealthCheck, Phase
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from instastream.settings import Settings
from tests.stores.engagement_world import SHARDS, World

PERSON = st.integers(0, 2)
POST = st.integers(0, len(SHARDS) - 1)
CHOICE = st.integers(0, 7)
TOPIC = st.sampled_from(["engagement", "engagement", "comments"])


class AnythingHappens(RuleBasedStateMachine):
    """Likes and comments, consumers that overlap, and kills."""

    world: World

    @rule(person=PERSON, post=POST, liked=st.booleans())
    def like(self, person: int, post: int, liked: bool) -> None:
        self.world.like(person, post, liked=liked)

    @rule(person=PERSON)
    def comment(self, person: int) -> None:
        self.world.comment(person)

    @rule(chosen=CHOICE)
    def delete_comment(self, chosen: int) -> None:
        self.world.delete_comment(chosen)

    @rule(topic=TOPIC, chosen=CHOICE)
    def say_again(self, topic: str, chosen: int) -> None:
        self.world.say_again(topic, chosen)

    @rule(topic=TOPIC, length=st.none() | st.integers(1, 3))
    def consume(self, topic: str, length: int | None) -> None:
        self.world.consume(topic, length)

    @rule(choices=st.lists(CHOICE, min_size=1, max_size=6))
    def step(self, choices: list[int]) -> None:
        for chosen in choices:
            self.world.step(chosen)

    @rule(chosen=CHOICE)
    def kill(self, chosen: int) -> None:
        self.world.kill(chosen)

    def teardown(self) -> None:
        self.world.come_to_rest()
        self.world.check()


def test_counts_are_members_are_what_the_log_says(settings: Settings) -> None:
    class OnServers(AnythingHappens):
        def __init__(self) -> None:
            super().__init__()
            self.world = World(settings)

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                self.world.close()

    some = examples(
        max_examples=60,
        phases=[Phase.generate],
        stateful_step_count=25,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(OnServers, settings=some)
