"""What is invented is valid, is what its plan asks for, and is the same for a seed."""

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from instastream.comments import CommentEvent
from instastream.errors import Unready
from instastream.events import (
    EVENTS,
    CommentAdded,
    CommentDeleted,
    FanoutPage,
    FollowApproved,
    FollowDenied,
    MediaFailed,
    MediaReady,
    PostDeleted,
    PostLiked,
    PostUnliked,
    UploadFinalized,
    UserJoined,
    UserUnblocked,
    UserUnfollowed,
    UserUnmuted,
    decode,
    encode,
    type_of,
)
from instastream.follows import BlockEvent, EdgeEvent, MuteEvent
from instastream.ids import minted_ms
from instastream.likes import CommentLikeEvent, PostLikeEvent
from instastream.limits import COMMENT_BUCKET_LENGTH, LIKE_SHARDS_PULLED
from instastream.load.into_topics.inventing import MIX, StreamPlan, check_plan
from instastream.load.scenario.popularity import rank
from tests.unit.load.worlds import BEGINS_MS, PER_S, PLAN, some

SCHEMAS = Path(__file__).parents[3] / "schemas"
NOT_OF_CLIENTS = {FanoutPage, MediaFailed, FollowApproved, FollowDenied}


@cache
def contract(name: str) -> Draft202012Validator:
    """The published schema of a type of event."""
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text()))


def test_every_event_passes_its_published_schema_and_is_read_as_it_was_written() -> None:
    for event in some():
        contract(type_of(type(event))).validate(json.loads(encode(event)))
        assert decode(encode(event)) == event


def test_everything_that_clients_cause_happens() -> None:
    assert {type(event) for event in some()} == set(EVENTS) - NOT_OF_CLIENTS


def test_the_same_seed_gives_the_same_events_and_another_gives_others() -> None:
    assert some() == some()
    assert some() != some(plan=replace(PLAN, seed=8))


def test_events_happen_at_the_pace_asked_for_and_ids_say_when() -> None:
    events = some()
    for n, event in enumerate(events):
        assert 0 <= BEGINS_MS + 1000 * n // PER_S - event.at_ms <= 1  # two of one post together
        if isinstance(event, PostLiked):
            assert minted_ms(event.like_id) == event.at_ms
    minted = [event.like_id for event in events if isinstance(event, PostLiked)]
    assert minted == sorted(set(minted))


def test_users_and_posts_are_there_before_anything_else() -> None:
    events = some(200)
    assert all(isinstance(event, UserJoined) for event in events[:100])
    assert all(isinstance(event, UploadFinalized | MediaReady) for event in events[100:])


def test_what_is_taken_back_was_said_before_by_whoever_takes_it_back() -> None:
    liked, added = Counter[tuple[str, str]](), dict[str, CommentAdded]()
    edges, walls = Counter[tuple[str, str]](), Counter[tuple[str, str, bool]]()
    for event in some():
        match event:
            case EdgeEvent(follower_id=one, followee_id=other):
                assert one != other
                edges[one, other] += -1 if isinstance(event, UserUnfollowed) else 1
                assert edges[one, other] >= 0
            case BlockEvent(blocker_id=one, blocked_id=other):
                walls[one, other, True] += -1 if isinstance(event, UserUnblocked) else 1
                assert walls[one, other, True] >= 0
            case MuteEvent(muter_id=one, muted_id=other):
                walls[one, other, False] += -1 if isinstance(event, UserUnmuted) else 1
                assert walls[one, other, False] >= 0
            case PostLiked():
                liked[event.user_id, event.post_id] += 1
            case PostUnliked():
                liked[event.user_id, event.post_id] -= 1
                assert liked[event.user_id, event.post_id] >= 0
            case CommentAdded():
                added[event.comment_id] = event
            case CommentEvent():
                said = added[event.comment_id]
                assert (event.post_id, event.reply_to, event.bucket) == (
                    said.post_id,
                    said.reply_to,
                    said.bucket,
                )
                if isinstance(event, CommentDeleted):
                    del added[event.comment_id]


def test_nothing_is_said_of_a_post_that_is_deleted() -> None:
    posts, added = set[str](), set[str]()
    for event in some(plan=replace(PLAN, mix={**MIX, "delete_post": 20, "post": 20, "reply": 20})):
        match event:
            case UploadFinalized():
                posts.add(event.post_id)
            case PostDeleted():
                posts.remove(event.post_id)
            case CommentDeleted():  # who said it may always take it away
                added.remove(event.comment_id)
            case PostLikeEvent() | CommentEvent() | CommentLikeEvent():
                assert event.post_id in posts
                if isinstance(event, CommentEvent):
                    added.add(event.comment_id)


def test_likes_are_stamped_with_the_shards_of_their_post() -> None:
    shards = dict[str, int]()
    for event in some():
        if isinstance(event, UploadFinalized):
            shards[event.post_id] = event.like_shards
            assert (event.like_shards > 1) == (event.fanout == "pull")
        elif isinstance(event, PostLikeEvent):
            assert event.shards == shards[event.post_id]
    assert set(shards.values()) == {1, LIKE_SHARDS_PULLED}


def test_the_first_posts_are_the_most_liked_and_without_skew_all_are_alike() -> None:
    def shares(zipf: float) -> list[int]:
        likes = Counter[str]()
        posts = []
        for event in some(40_000, replace(PLAN, zipf=zipf, mix={"like": 1})):
            if isinstance(event, UploadFinalized):
                posts.append(event.post_id)
            elif isinstance(event, PostLiked):
                likes[event.post_id] += 1
        return [likes[post] for post in posts]

    skewed, alike = shares(1.0), shares(0.0)
    assert skewed[0] > 1.5 * skewed[1] > 2 * skewed[4] > 2 * skewed[20]
    assert max(alike) < 1.5 * min(alike)


def test_a_thread_that_is_full_goes_on_in_its_next_bucket() -> None:
    plan = StreamPlan(users=2, posts=1, celebrities=0, mix={"comment": 1})
    buckets = [event.bucket for event in some(12_000, plan) if isinstance(event, CommentAdded)]
    assert buckets == [n // COMMENT_BUCKET_LENGTH for n in range(len(buckets))]
    assert max(buckets) == 2


def test_where_there_is_nothing_to_take_back_it_is_said_instead() -> None:
    for kind in MIX:
        assert some(500, StreamPlan(users=2, posts=0, mix={kind: 1}))


@given(
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 10**7),
    st.one_of(st.floats(0, 4), st.sampled_from([1 - 1e-9, 1.0, 1 + 1e-9])),
)
def test_who_is_chosen_is_there(chance: float, length: int, zipf: float) -> None:
    assert 0 <= rank(chance, length, zipf) < length


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (StreamPlan(mix={"lik": 1}), "mix: nothing is called 'lik': did you mean like?"),
        (StreamPlan(mix={"like": -1}), "mix: like must be 0 or more"),
        (StreamPlan(mix={"like": 0}), "mix: something must happen"),
        (StreamPlan(users=1), "users: must be 2 or more"),
        (StreamPlan(posts=-1), "posts: must be 0 or more"),
        (StreamPlan(zipf=4.1), "zipf: must be from 0"),
        (StreamPlan(zipf=float("nan")), "zipf: must be from 0"),
        (StreamPlan(poison_share=1.1), "poison_share: must be from 0 to 1"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_says_which_field_is_wrong(
    plan: StreamPlan, sentence: str
) -> None:
    with pytest.raises(Unready, match="^" + sentence.replace("?", r"\?")):
        check_plan(plan)
