"""A trace goes on where a caller's ended, and begins anew where there was none."""

import re

import pytest

from instastream.tracing import TRACEPARENT, continue_trace, current_trace

CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_callers_trace_goes_on_in_a_new_span() -> None:
    ours = continue_trace(CALLERS)
    assert current_trace() == ours
    assert ours.split("-")[1] == CALLERS.split("-")[1]
    assert ours.split("-")[2] != CALLERS.split("-")[2]


@pytest.mark.parametrize("theirs", ["", "nonsense", CALLERS + "x", CALLERS.upper()])
def test_without_a_trace_one_begins(theirs: str) -> None:
    ours = continue_trace(theirs)
    assert re.fullmatch(TRACEPARENT, ours)
    assert ours.split("-")[1] != CALLERS.split("-")[1]
