"""Every feed becomes the model's, and no read ever shows what is not to be seen.

Whatever is killed, lost, repeated or reordered: every await of every store is a place where
anything else may happen.
"""

from collections.abc import Iterator
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

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
from instastream.ids import UserId
from tests.flow.feed_model import Pair
from tests.flow.feed_world import NOW_MS, PEOPLE, World

PROCESSES_MAX = 8
POSTS_MAX = 10
CHOICE = st.integers(0, 1 << 16)
PERSON = st.sampled_from(PEOPLE)
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


class AnythingHappens(RuleBasedStateMachine):
    """People, posts, reads, deliveries and kills, between any two store calls of anyone."""

    world: World

    @initialize(strangers=st.sets(st.sampled_from(PAIRS)), authors=POSTS, warm=st.booleans())
    def begin(self, strangers: set[Pair], authors: list[UserId], warm: bool) -> None:
        self.world = World()
        for follower, followee in PAIRS:
            if (follower, followee) not in strangers:
                self.say_of_edge(UserFollowed, follower, followee, 0)
        self.world.come_to_rest()
        if warm:
            self.everyone_reads(0)
        for author in authors:
            self.world.post(author, fanout="push")
        self.world.come_to_rest()

    @rule(kind=st.sampled_from(EDGES), follower=PERSON, followee=PERSON, api=API)
    def say_of_edge(self, kind: type[Event], follower: UserId, followee: UserId, api: int) -> None:
        if follower != followee:
            event = kind(follower_id=follower, followee_id=followee, at_ms=NOW_MS)  # type: ignore[call-arg]
            self.world.say(event, api=api)

    @precondition(lambda self: self.requests())
    @rule(kind=st.sampled_from([FollowApproved, FollowDenied]), chosen=CHOICE, api=API)
    def answer(self, kind: type[Event], chosen: int, api: int) -> None:
        request = self.requests()[chosen % len(self.requests())]
        event = kind(  # type: ignore[call-arg]
            follower_id=request.event.follower_id,
            followee_id=request.event.followee_id,
            request=request.offset,
            at_ms=NOW_MS,
        )
        self.world.say(event, api=api)

    @rule(kind=st.sampled_from(WALLS), one=PERSON, other=PERSON, api=API)
    def say_of_wall(self, kind: type[Event], one: UserId, other: UserId, api: int) -> None:
        if one != other:
            names = [name for name in kind.__struct_fields__ if name.endswith("_id")]
            event = kind(**dict(zip(names, (one, other), strict=True)), at_ms=NOW_MS)
            self.world.say(event, api=api)

    @rule(person=PERSON, private=st.booleans(), api=API)
    def change_profile(self, person: UserId, private: bool, api: int) -> None:
        self.world.say(ProfileChanged(user_id=person, private=private, at_ms=NOW_MS), api=api)

    @precondition(lambda self: self.world.posts_made < POSTS_MAX)
    @rule(authors=POSTS, fanout=st.sampled_from(get_args(Fanout)))
    def post(self, authors: list[UserId], fanout: Fanout) -> None:
        for author in authors:
            self.world.post(author, fanout=fanout)

    @precondition(lambda self: self.world.posts_made)
    @rule(chosen=CHOICE, api=API)
    def delete(self, chosen: int, api: int) -> None:
        self.world.delete(chosen, api=api)

    @rule(reader=PERSON, api=API)
    def read(self, reader: UserId, api: int) -> None:
        self.world.read(reader, api=api)

    @precondition(lambda self: self.world.undone() and self.has_room())
    @rule(chosen=CHOICE)
    def deliver(self, chosen: int) -> None:
        undone = self.world.undone()
        self.world.deliver(undone[chosen % len(undone)])

    @precondition(lambda self: self.has_room())
    @rule(chosen=CHOICE)
    def deliver_again(self, chosen: int) -> None:
        deliveries = self.world.deliveries()
        self.world.deliver(deliveries[chosen % len(deliveries)])

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
        for reader in PEOPLE:
            self.world.read(reader, api=api)
        self.world.finish_requests()

    @precondition(lambda self: self.world.handling)
    @rule(chosen=CHOICE)
    def kill_worker(self, chosen: int) -> None:
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

    def requests(self) -> list:  # type: ignore[type-arg]
        return [r for r in self.world.log.records if isinstance(r.event, FollowRequested)]

    def has_room(self) -> bool:
        return len(self.world.handling) < PROCESSES_MAX

    def teardown(self) -> None:
        try:
            self.world.come_to_rest()
            self.world.check_feeds()
        finally:
            self.world.close()


AnythingHappens.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnythingHappens = AnythingHappens.TestCase
