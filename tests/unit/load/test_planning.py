"""What a scenario does."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from instastream.load.scenario.arrivals import Poisson
from instastream.load.scenario.drawing import Rows
from instastream.load.scenario.graphs import Graph
from instastream.load.scenario.media import sort_of
from instastream.load.scenario.plans import NOTHING, SETTLE_S, Operation, Plan
from instastream.load.scenario.scenarios import KINDS, Kind, Media, Popularity, Scenario

USERS = 30
EVERYTHING = Scenario(
    name="everything",
    users=USERS,
    private=0.2,
    posts=10,
    duration_s=20,
    arrivals=Poisson(rate=100),
    mix=dict.fromkeys(KINDS, 1.0),
    media=Media(hostile=0.1),
)


def ring() -> Graph:
    """Everyone follows the next three."""
    ids = [sorted((user + n) % USERS for n in (1, 2, 3)) for user in range(USERS)]
    return Graph(Rows(np.arange(USERS + 1) * 3, np.array(ids, dtype=np.int32).ravel()))


RING = ring()


def planned(scenario: Scenario) -> tuple[Plan, list[Operation]]:
    plan = Plan(scenario, RING)
    return plan, list(plan.operations())


@settings(max_examples=10)
@given(seed=st.integers(0, 1 << 40))
def test_the_same_seed_gives_the_same_operations(seed: int) -> None:
    scenario = replace(EVERYTHING, seed=seed)
    assert planned(scenario)[1] == planned(scenario)[1]
    assert planned(scenario)[1] != planned(replace(scenario, seed=seed + 1))[1]


def test_kinds_come_as_often_as_their_weights_say() -> None:
    mix: dict[Kind, float] = {"read_feed": 7, "like": 2, "comment": 1, "follow": 0}
    _, operations = planned(replace(EVERYTHING, mix=mix, duration_s=100))
    seen = Counter(one.kind for one in operations)
    assert set(seen) == {"read_feed", "like", "comment"}
    for kind, weight in mix.items():
        assert abs(seen[kind] / len(operations) - weight / 10) < 0.02


def test_a_post_is_only_met_by_others_when_it_is_there() -> None:
    plan, operations = planned(EVERYTHING)
    made = {one.post: one.due_s for one in operations if one.kind == "post"}
    assert len(plan.authors) == EVERYTHING.posts + len(made)
    for one in operations:
        if one.post in made and one.kind != "post":
            assert one.due_s >= made[one.post] + SETTLE_S


def test_its_author_posts_and_deletes_it_and_after_that_nobody_chooses_it() -> None:
    plan, operations = planned(EVERYTHING)
    deleted: set[int] = set()
    for one in (one for one in operations if one.post != NOTHING):
        if one.kind in ("post", "delete_post"):
            assert one.user == plan.authors[one.post]
        if one.kind not in ("unlike", "read_feed", "read_timeline", "follow", "unfollow"):
            assert one.post not in deleted
        if one.kind == "delete_post":
            deleted.add(one.post)
    assert deleted


def test_what_is_private_is_met_by_followers_only() -> None:
    plan, operations = planned(EVERYTHING)
    assert 0 < len(plan.private) < USERS
    for one in operations:
        if one.kind in ("like", "comment", "read_post") and plan.authors[one.post] in plan.private:
            assert one.user in RING.followers(plan.authors[one.post])


def test_nobody_meets_what_is_hostile() -> None:
    _, operations = planned(EVERYTHING)
    met = {one.post for one in operations if one.kind not in ("post",) and one.post != NOTHING}
    assert met
    assert "hostile" not in {sort_of(post, EVERYTHING.media, seed=EVERYTHING.seed) for post in met}


def test_who_takes_a_like_back_had_given_it_and_does_so_once() -> None:
    _, operations = planned(replace(EVERYTHING, mix={"like": 3, "unlike": 1}))
    given_likes: Counter[tuple[int, int]] = Counter()
    taken = [one for one in operations if one.kind == "unlike"]
    for one in operations:
        given_likes[one.user, one.post] += 1 if one.kind == "like" else -1
        assert given_likes[one.user, one.post] >= 0
    assert taken


def test_before_there_is_a_post_there_is_nothing_to_like() -> None:
    _, operations = planned(replace(EVERYTHING, posts=0, mix={"like": 1}))
    assert {one.post for one in operations} == {NOTHING}


def test_a_hot_post_is_written_to_most_and_another_is_read_most() -> None:
    hot = replace(
        EVERYTHING,
        posts=200,
        mix={"like": 1, "read_post": 1},
        popularity=Popularity(reads=3.0, writes=3.0),
        media=Media(),
    )
    _, operations = planned(hot)
    of: dict[Kind, tuple[int, int]] = {
        kind: Counter(one.post for one in operations if one.kind == kind).most_common(1)[0]
        for kind in ("like", "read_post")
    }
    assert of["like"][0] != of["read_post"][0]
    for kind, (_, count) in of.items():
        assert count > 0.5 * sum(one.kind == kind for one in operations)


def test_whoever_is_said_to_follow_still_does() -> None:
    plan = Plan(replace(EVERYTHING, mix={"unfollow": 1}), RING)
    assert plan.follower(5) == 2
    left = {(one.user, one.other) for one in plan.operations()}
    for author in range(USERS):
        staying = [one for one in RING.followers(author) if (one, author) not in left]
        assert plan.follower(author) == (staying[0] if staying else None)


def test_whoever_follows_follows_another() -> None:
    _, operations = planned(replace(EVERYTHING, mix={"follow": 1, "unfollow": 1}))
    assert all(one.user != one.other for one in operations)
    assert all(
        one.other in RING.followees(one.user) for one in operations if one.kind == "unfollow"
    )
