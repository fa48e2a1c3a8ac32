"""Whoever starts before Cassandra answers waits for it, for a while."""

from typing import Any

import pytest
from cassandra.cluster import NoHostAvailable

from instastream.errors import Unavailable
from instastream.stores.cassandra import session
from tests.conftest import IN_MEMORY


class SlowCluster:
    """Clusters that don't answer at first; each is used once."""

    def __init__(self, failures: list[Exception]) -> None:
        self.failures = failures
        self.opened = self.closed = 0

    def open(self, addresses: str) -> "SlowCluster":
        self.opened += 1
        return self

    def connect(self) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        return object()

    def shutdown(self) -> None:
        self.closed += 1


def cluster(monkeypatch: pytest.MonkeyPatch, failures: int) -> SlowCluster:
    slow = SlowCluster([NoHostAvailable("timed out", {}) for _ in range(failures)])
    monkeypatch.setattr(session, "open_cluster", slow.open)
    monkeypatch.setattr(session, "backoff", lambda random: iter([0.01] * 100))
    return slow


async def test_a_cassandra_that_answers_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = cluster(monkeypatch, failures=3)
    async with session.open_session(IN_MEMORY):
        assert (slow.opened, slow.closed) == (4, 3)
    assert slow.closed == 4


async def test_a_cassandra_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = cluster(monkeypatch, failures=1000)
    monkeypatch.setattr(session, "START_TIMEOUT_S", 0.1)
    with pytest.raises(Unavailable, match="timed out"):
        async with session.open_session(IN_MEMORY):
            pass
    assert 1 < slow.opened == slow.closed
