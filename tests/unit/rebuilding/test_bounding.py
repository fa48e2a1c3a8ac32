"""What is replayed of the log, and what would leave something wrong."""

import pytest

from instastream.errors import Unready
from instastream.log import PARTITIONER
from instastream.ranges import Range, Span, parse_range
from instastream.rebuilding.bounding import Bounds, of_keys, planned
from instastream.rebuilding.projections import PROJECTIONS, named

EVERYTHING = Bounds()


def test_all_projections_are_made_of_all_facts() -> None:
    topics = [topic for one in named("all") for topic in one.topics]
    assert sorted(topics) == sorted(
        ("users", "graph", "uploads", "media", "posts", "engagement", "comments")
    )


def test_no_table_and_no_topic_is_of_two_projections() -> None:
    for of in ("tables", "topics"):
        named_ = [name for one in PROJECTIONS.values() for name in getattr(one, of)]
        assert len(set(named_)) == len(named_)


def test_without_bounds_all_topics_of_a_projection_are_replayed() -> None:
    [(projection, ranges)] = planned(named("posts"), EVERYTHING)
    assert projection.name == "posts"
    assert {one.topic for one in ranges} == {"uploads", "media", "posts"}
    assert set(ranges) == {Range(topic=one.topic) for one in ranges}


def test_with_ranges_only_what_they_are_of_is_replayed() -> None:
    asked = [parse_range("users/3:100-200"), parse_range("media")]
    plan = planned(named("all"), Bounds(ranges=asked))
    assert [(one.name, ranges) for one, ranges in plan] == [
        ("users", [asked[0]]),
        ("posts", [asked[1]]),
    ]


@pytest.mark.parametrize(
    ("name", "bounds", "sentence"),
    [
        ("users", Bounds(ranges=[Range(topic="graph")]), "graph is none of the topics: users"),
        ("likes", Bounds(ranges=[parse_range("engagement/1:5-9")]), "from the first event"),
        ("likes", Bounds(ranges=[parse_range("engagement/1:0-9")]), "from the first event"),
        ("comments", Bounds(since_ms=5), "from the first event"),
        ("all", Bounds(until_ms=5), "from the first event"),
        ("graph", Bounds(ranges=[parse_range("graph/3:100-200")]), "--shadow.* all --swap"),
        ("graph", Bounds(ranges=[parse_range("graph/3:100-")]), "would stand again"),
        ("all", Bounds(ranges=[parse_range("graph/3:-200")]), "would stand again"),
        ("graph", Bounds(since_ms=5), "would stand again"),
        ("graph", Bounds(until_ms=5), "would stand again"),
        (
            "users",
            Bounds(ranges=[parse_range("users/1")], keys=frozenset([b"7"])),
            "leave out partitions",
        ),
    ],
)
def test_what_would_be_wrong_is_refused(name: str, bounds: Bounds, sentence: str) -> None:
    with pytest.raises(Unready, match=sentence):
        planned(named(name), bounds)


def test_a_partition_or_a_key_of_what_is_counted_can_be_replayed() -> None:
    for bounds in (
        Bounds(ranges=[parse_range("engagement/1")]),
        Bounds(keys=frozenset([b"1571234567890123456:0"])),
    ):
        [(projection, _)] = planned(named("likes"), bounds)
        assert projection.name == "likes"


@pytest.mark.parametrize(
    "bounds",
    [EVERYTHING, Bounds(ranges=[parse_range("graph/3")]), Bounds(keys=frozenset([b"1"]))],
    ids=["all of it", "a partition", "a key"],
)
def test_of_the_graph_is_replayed_what_has_both_ends_of_an_edge(bounds: Bounds) -> None:
    [(projection, _)] = planned(named("graph"), bounds)
    assert projection.name == "graph"


def test_both_ends_of_an_edge_or_a_wall_have_one_key_whoever_ends_it() -> None:
    events = PROJECTIONS["graph"].handlers
    assert {(event.__mro__[1].__name__, event.key_field) for event in events} == {
        ("EdgeEvent", "follower_id"),
        ("BlockEvent", "blocker_id"),
        ("MuteEvent", "muter_id"),
    }


def test_a_projection_that_is_not_there_is_refused() -> None:
    with pytest.raises(Unready, match="there is no projection 'like'"):
        named("like")


def test_of_a_key_only_the_partition_is_read_that_holds_it() -> None:
    spans = [
        Span(topic=topic, partition=partition, begin=0, end=9)
        for topic, partitions in (("posts", 12), ("media", 3))
        for partition in range(partitions)
    ]
    key = b"1571234567890123456"
    found = of_keys(spans, frozenset([key]))
    assert [span.place for span in found] == [
        (topic, PARTITIONER(key, list(range(count)), list(range(count))))
        for topic, count in (("posts", 12), ("media", 3))
    ]
    assert of_keys(spans, frozenset()) == spans
