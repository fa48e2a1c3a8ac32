"""A line about records says where they stand, and which traces led to them."""

from typing import Any

from instastream.limits import LOGGED_TRACES_MAX
from streams.records import place_of, places_of
from tests.unit.delivering import fetched


def traced(number: int) -> Any:
    traceparent = f"00-{number:032x}-00f067aa0ba902b7-01".encode()
    return fetched(number, headers=[("traceparent", traceparent)])


def test_a_record_is_named_with_its_trace() -> None:
    assert place_of(traced(7)) == {
        "topic": "users",
        "partition": 0,
        "offset": 7,
        "trace_id": f"{7:032x}",
        "parent_id": "00f067aa0ba902b7",
    }


def test_a_record_of_no_trace_is_named_without() -> None:
    for headers in ([], [("traceparent", None)], [("traceparent", b"nonsense")], None):
        named = place_of(fetched(7, headers=headers))
        assert named == {"topic": "users", "partition": 0, "offset": 7}


def test_records_together_are_named_with_their_traces_up_to_some() -> None:
    one, same, other, none = traced(1), traced(1), traced(2), fetched(3)
    assert places_of([one, same, other, none]) == {
        "topic": "users",
        "partition": 0,
        "offset": 1,
        "last_offset": 3,
        "trace_ids": [f"{1:032x}", f"{2:032x}"],
    }
    for more, named in ((-1, -1), (0, 0), (1, 0)):
        many: Any = places_of([traced(n) for n in range(LOGGED_TRACES_MAX + more)])
        assert len(many["trace_ids"]) == LOGGED_TRACES_MAX + named
