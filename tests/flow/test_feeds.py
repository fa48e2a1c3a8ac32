"""Every feed becomes the model's, and no read ever shows what is not to be seen.

Whatever is killed, lost, repeated or reordered: every await of every store is a place where
anything else may happen.
"""

from collections.abc import Iterator
from itertools import permutations
from typing import Any, TypeVar, get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from instastream.events import (
    Event,
    Fanout,
    FollowApproved,
    FollowDenied,
    FollowRequested,
    ProfileChanged,
    UserBlocked,
    UserFollowed,
    UserMuted,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
)
from instastream.handlers import feeds
from tests.flow.feed_world import PEOPLE, Delivery, World

One = TypeVar("One")

PROCESSES_MAX = 8
POSTS_MAX = 10
CHOICE = st.integers(0, 1 << 16)
PERSON = st.sampled_from(PEOPLE)  # by number: each world has its own
PAIRS = list(permutations(PEOPLE, 2))
POSTS = st.lists(PERSON, min_size=1, max_size=3)
API = st.sampled_from([0, 1])
DICE = st.integers(0, 5)  # for what would leave nothing to go wrong
EDGES = (UserFollowed, UserFollowed, UserFollowed, UserUnfollowed, FollowRequested)
WALLS = (UserBlocked, UserUnblocked, UserMuted, UserUnmuted)


@pytest.fixture(autouse=True, scope="module")
def short_pages() -> Iterator[None]:
    """Two followers are many already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds, "FANOUT_PAGE_LENGTH", 1)
        yield


def one_of(those: list[One], chosen: int) -> list[One]:
    """One of them, where there are any."""
    return [those[chosen % len(those)]] if those else []


class AnythingHappens(RuleBasedStateMachine):
    """People, posts, reads, deliveries and kills, between any two store calls of anyone.

    What is drawn does not depend on the world, which on real servers is never the same twice.
    """

    world: World

    def new_world(self) -> World:
        return World()

    @initialize(strangers=st.sets(st.sampled_from(PAIRS)), authors=POSTS, warm=st.booleans())
    def begin(self, strangers: set[tuple[int, int]], authors: list[int], warm: bool) -> None:
        self.world = self.new_world()
        for follower, followee in PAIRS:
            if (follower, followee) not in strangers:
                self.say_of_edge(UserFollowed, follower, followee, 0)
        self.world.come_to_rest()
        if warm:
            self.everyone_reads(0)
        self.post(authors, "push")
        self.world.come_to_rest()

    @rule(kind=st.sampled_from(EDGES), follower=PERSON, followee=PERSON, api=API)
    def say_of_edge(self, kind: type[Event], follower: int, followee: int, api: int) -> None:
        if follower != followee:
            who = self.world.people
            self.say(kind, api, follower_id=who[follower], followee_id=who[followee])

    @rule(kind=st.sampled_from([FollowApproved, FollowDenied]), chosen=CHOICE, api=API)
    def answer(self, kind: type[Event], chosen: int, api: int) -> None:
        for request in one_of(self.requests(), chosen):
            self.say(
                kind,
                api,
                follower_id=request.event.follower_id,
                followee_id=request.event.followee_id,
                request=request.offset,
            )

    @rule(kind=st.sampled_from(WALLS), one=PERSON, other=PERSON, api=API)
    def say_of_wall(self, kind: type[Event], one: int, other: int, api: int) -> None:
        if one != other:
            names = [name for name in kind.__struct_fields__ if name.endswith("_id")]
            both = (self.world.people[one], self.world.people[other])
            self.say(kind, api, **dict(zip(names, both, strict=True)))

    @rule(person=PERSON, private=st.booleans(), api=API)
    def change_profile(self, person: int, private: bool, api: int) -> None:
        self.say(ProfileChanged, api, user_id=self.world.people[person], private=private)

    @rule(authors=POSTS, fanout=st.sampled_from(get_args(Fanout)))
    def post(self, authors: list[int], fanout: Fanout) -> None:
        for author in authors[: POSTS_MAX - self.world.posts_made]:
            self.world.post(self.world.people[author], fanout=fanout)

    @rule(chosen=CHOICE, api=API)
    def delete(self, chosen: int, api: int) -> None:
        self.world.delete(chosen, api=api)

    @rule(reader=PERSON, api=API)
    def read(self, reader: int, api: int) -> None:
        self.world.read(self.world.people[reader], api=api)

    @rule(chosen=CHOICE)
    def deliver(self, chosen: int) -> None:
        for delivery in one_of(self.world.undone(), chosen):
            self.hand_over(delivery)

    @rule(chosen=CHOICE)
    def deliver_again(self, chosen: int) -> None:
        for delivery in one_of(self.world.deliveries(), chosen):
            self.hand_over(delivery)

    @rule(chosen=st.lists(CHOICE, min_size=1, max_size=20))
    def go_on(self, chosen: list[int]) -> None:
        for one in chosen:
            self.world.step(one)

    @rule()
    def finish_requests(self) -> None:
        self.world.finish_requests()

    @rule()
    def come_to_rest(self) -> None:
        self.world.come_to_rest()

    @rule(api=API)
    def everyone_reads(self, api: int) -> None:
        for reader in self.world.people:
            self.world.read(reader, api=api)
        self.world.finish_requests()

    @rule(chosen=CHOICE)
    def kill_worker(self, chosen: int) -> None:
        if self.world.handling:
            self.world.kill_worker(chosen)

    @rule(api=API, dice=DICE)
    def kill_api(self, api: int, dice: int) -> None:
        if dice == 0:
            self.world.kill_api(api)

    @rule(dice=DICE)
    def lose_redis(self, dice: int) -> None:
        if dice == 0:
            self.world.flush()

    @rule()
    def pass_time(self) -> None:
        self.world.pass_time()

    def say(self, kind: type[Event], api: int, **fields: object) -> None:
        event = kind(**fields, at_ms=self.world.stores.now_ms)
        self.world.say(event, api=api)

    def requests(self) -> list:  # type: ignore[type-arg]
        return [r for r in self.world.log.records if isinstance(r.event, FollowRequested)]

    def hand_over(self, delivery: Delivery) -> None:
        if len(self.world.handling) < PROCESSES_MAX:
            self.world.deliver(delivery)

    def teardown(self) -> None:
        try:
            self.world.come_to_rest()
            self.world.check_feeds()
        finally:
            self.world.close()


AnythingHappens.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnythingHappens = AnythingHappens.TestCase


def test_an_approval_may_be_seen_before_a_deletion_that_is_not_answered() -> None:
    world = World()
    reader, author = world.people[:2]
    edge: dict[str, Any] = {
        "follower_id": reader,
        "followee_id": author,
        "at_ms": world.stores.now_ms,
    }
    world.post(author, fanout="push")
    world.say(FollowRequested(**edge))
    world.come_to_rest()
    request = world.log.records[-1]
    world.delete(0, api=0)
    [deletion] = world.serving
    while world.log.records[-1] == request:
        world.step(0)
    world.say(FollowApproved(**edge, request=request.offset))
    all_but(deletion, world)
    reading = world.read(reader, api=1)
    all_but(deletion, world)
    assert reading.shown
    world.come_to_rest()
    world.check_feeds()
    world.close()


def all_but(held: int, world: World) -> None:
    """Every other process goes on to its end."""
    while others := [i for i, one in enumerate(world.interleaver.waiting()) if one != held]:
        world.step(others[0])
