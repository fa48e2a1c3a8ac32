"""Who starts before the log answers waits for it, as for Cassandra."""

from dataclasses import replace

import pytest

from instastream import deps as wiring
from instastream.deps import Deps, know_epochs
from instastream.errors import Unavailable, Unready

TOPICS = ("graph", "posts")


class Late:
    """Epochs that are not known before they were asked for some times."""

    def __init__(self, error: Exception, times: int) -> None:
        self._error = error
        self._times = times
        self.known: list[str] = []

    async def of(self, topic: str) -> int:
        if self._times:
            self._times -= 1
            raise self._error
        self.known.append(topic)
        return 0

    async def confirm(self, topic: str) -> None: ...


async def at_once(_: float) -> None: ...


async def test_a_log_that_does_not_answer_yet_is_waited_for(deps: Deps) -> None:
    epochs, waits = Late(Unavailable("kafka", "it starts"), 3), list[Unavailable]()
    late = replace(deps, epochs=epochs, sleep=at_once, waited=waits.append)
    await know_epochs(TOPICS, late)
    assert epochs.known == ["graph", "posts"]
    assert len(waits) == 3


async def test_a_log_that_does_not_answer_for_long_is_not(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "START_TIMEOUT_S", 0.0)
    epochs = Late(Unavailable("kafka", "it is away"), 1)
    with pytest.raises(Unavailable, match="it is away"):
        await know_epochs(TOPICS, replace(deps, epochs=epochs, sleep=at_once))


async def test_a_topic_that_was_made_anew_is_said_at_once(deps: Deps) -> None:
    epochs = Late(Unready("topic graph was made anew"), 1)
    with pytest.raises(Unready, match="made anew"):
        await know_epochs(TOPICS, replace(deps, epochs=epochs, sleep=at_once))
