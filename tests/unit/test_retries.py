"""Waits grow to a bound and are jittered; a dead letter tells its whole story."""

from itertools import islice
from random import Random

from instastream.retries import BACKOFF_FIRST_S, BACKOFF_MAX_S, backoff, dead_headers


def test_waits_double_to_a_bound_and_are_jittered() -> None:
    waits = list(islice(backoff(Random(1)), 50))
    assert BACKOFF_FIRST_S / 2 <= waits[0] <= BACKOFF_FIRST_S
    assert all(BACKOFF_MAX_S / 2 <= wait <= BACKOFF_MAX_S for wait in waits[10:])
    assert len(set(waits)) == 50


def test_a_dead_letter_tells_where_it_stood_and_why_it_died() -> None:
    try:
        raise ValueError("no such thing")
    except ValueError as error:
        buried = dead_headers(
            [("ce_id", b"x")],
            topic="uploads",
            partition=3,
            offset=14,
            timestamp_ms=15,
            attempts=2,
            error=error,
        )
    story = dict(buried)
    assert buried[0] == ("ce_id", b"x")
    assert story["dead_topic"] == b"uploads"
    assert (story["dead_partition"], story["dead_offset"]) == (b"3", b"14")
    assert (story["dead_timestamp_ms"], story["dead_attempts"]) == (b"15", b"2")
    assert (story["dead_error"], story["dead_message"]) == (b"ValueError", b"no such thing")
    assert b"test_retries.py" in story["dead_stack"]
