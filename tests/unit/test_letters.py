"""What headers tell of a record is read back as it was told, whatever its own headers are."""

import pytest
from msgspec.structs import asdict, replace

from instastream.letters import Death, Done, Origin, Retry, death_of, origin_of, own, read, tell
from instastream.limits import STORY_LENGTH_MAX

ORIGIN = Origin(app="feeds", topic="media", partition=3, offset=14, timestamp_ms=15, epoch=0)
RETRY = Retry(**asdict(ORIGIN), attempts=2, due_ms=16)
DEATH = Death(**asdict(ORIGIN), attempts=4, error="KeyError", message="what", stack="there")
DONE = Done(**asdict(ORIGIN), letter=7, how="redriven")
OWN = [[], [("ce_id", b"x"), ("ce_id", b"y")], [("retry_app", b"z"), ("dead_app", b"z")]]


@pytest.mark.parametrize("headers", OWN)
@pytest.mark.parametrize("told", [RETRY, DEATH, DONE, replace(RETRY, epoch=None)])
def test_what_is_told_is_read_and_the_headers_before_it_are_the_records_own(
    told: Retry | Death | Done, headers: list[tuple[str, bytes]]
) -> None:
    whole = [*headers, *tell(told)]
    assert read(type(told), whole) == told
    assert own(type(told), whole) == headers
    assert origin_of(told) == replace(ORIGIN, epoch=told.epoch)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("retry_app", b"feeds")],
        [*tell(RETRY), ("retry_offset", b"-1")],
        [*tell(RETRY), ("retry_due_ms", b"soon")],
        [*tell(RETRY), ("retry_attempts", None)],
        tell(DEATH),
    ],
)
def test_nonsense_tells_nothing(headers: list[tuple[str, bytes]]) -> None:
    assert read(Retry, headers) is None


def test_a_letter_of_before_its_app_was_told_is_read() -> None:
    told = [(name, value) for name, value in tell(DEATH) if name not in ("dead_app", "dead_epoch")]
    assert read(Death, told) == replace(DEATH, app="", epoch=None)


def test_a_letter_tells_why_it_died_at_a_bounded_length() -> None:
    try:
        raise ValueError("no such thing " + "x" * 2 * STORY_LENGTH_MAX + "\udc80")
    except ValueError as error:
        death = death_of(ORIGIN, error, attempts=2)
    assert (death.error, death.attempts) == ("ValueError", 2)
    assert death.message.startswith("no such thing")
    assert "test_letters.py" in death.stack
    assert sum(len(value) for _, value in tell(death)) < 3 * STORY_LENGTH_MAX
    surrogates = death_of(ORIGIN, ValueError("\udc80"), attempts=2)
    assert read(Death, tell(surrogates)) == replace(
        surrogates, message="?", stack="ValueError: ?\n"
    )
