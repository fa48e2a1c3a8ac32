"""Whoever starts before Cassandra answers waits for it, for a while; for nothing else."""

import struct
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from cassandra.cluster import NoHostAvailable
from cassandra.cluster import Session as DriverSession
from cassandra.cqltypes import Int32Type, LongType
from cassandra.protocol import ColumnMetadata
from cassandra.query import PreparedStatement

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
    monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=partial(next, count(0, 30))))
    with pytest.raises(Unavailable, match="timed out"):
        async with session.open_session(IN_MEMORY):
            pass
    assert slow.opened == slow.closed == 2


class TwoColumns(DriverSession):
    """A driver that prepares statements with an `int` and a `bigint`."""

    def __init__(self) -> None:
        """Without a cluster."""

    def prepare(self, query: str) -> PreparedStatement:
        columns = [
            ColumnMetadata("keyspace", "numbers", name, kind)
            for name, kind in (("one", Int32Type), ("other", LongType))
        ]
        return PreparedStatement(columns, b"id", [0], query, "keyspace", 5, [], None)


@pytest.mark.parametrize("numbers", [(1 << 31, 0), (0, 1 << 63)])
async def test_a_number_that_no_column_holds_is_not_waited_out(numbers: tuple[int, int]) -> None:
    """What can't be written ever is a dead letter: it must not be taken for a server's absence."""
    opened = session.Session(TwoColumns(), "keyspace")
    cql = "INSERT INTO numbers (one, other) VALUES (?, ?)"
    with pytest.raises(TypeError):
        await opened.execute(cql, *numbers)
    with pytest.raises(struct.error):
        await opened.execute_together([(cql, (0, 0)), (cql, numbers)])
