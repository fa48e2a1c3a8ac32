"""What of Cassandra is waited for, and what is not: a start, and what may pass."""

import struct
from collections.abc import Callable
from functools import partial
from io import BytesIO
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from cassandra.cluster import NoHostAvailable, ResponseFuture
from cassandra.cluster import Session as DriverSession
from cassandra.cqltypes import Int32Type, LongType
from cassandra.policies import RetryPolicy
from cassandra.protocol import (
    ColumnMetadata,
    ConfigurationException,
    ErrorMessage,
    SyntaxException,
)
from cassandra.query import PreparedStatement, Statement

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


MAY_PASS = {
    "overloaded": 0x1001,
    "starting": 0x1002,
    "truncate failed": 0x1003,
    "no room for changes": 0x1600,
    "of an error of its own": 0x0000,
    "a proposal may be accepted": 0x1700,
    "of no version yet": 0x1F00,
}
QUORUM = 4
PUT = "INSERT INTO numbers (one, other) VALUES (?, ?)"


def said(code: int) -> ErrorMessage:
    """An answer, as the driver reads it; behind the message is what it has no reader of."""
    text = b"this is why"
    body = struct.pack(">iH", code, len(text)) + text + struct.pack(">Hii", QUORUM, 1, 2)
    return ErrorMessage.recv_body(BytesIO(body), session.PROTOCOL_VERSION)


class Asked(ResponseFuture):
    """The driver's own, of which each host that it asks answers the same."""

    def _query(self, host: str) -> int:
        self.session.asked.append(host)
        self._set_result(host, None, None, said(self.session.code))
        return 1


class Answering(TwoColumns):
    """A driver of two hosts."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.asked: list[str] = []

    def make_query_plan(self, keyspace: str, statement: Statement) -> list[str]:
        return ["one", "other"]

    def submit(self, work: Callable[..., None], *values: object) -> None:
        work(*values)

    def execute_async(self, statement: Statement) -> ResponseFuture:
        policy = statement.retry_policy or RetryPolicy()
        asked = Asked(
            self,
            None,
            statement,
            None,
            retry_policy=policy,
            row_factory=session.named_rows,
            load_balancer=self,
        )
        asked.send_request()
        return asked


@pytest.mark.parametrize("code", MAY_PASS.values(), ids=MAY_PASS)
async def test_a_conditional_write_that_may_be_done_is_waited_out_and_not_repeated(
    code: int,
) -> None:
    driver = Answering(code)
    with pytest.raises(Unavailable, match="this is why"):
        await session.Session(driver, "keyspace").execute_once(f"{PUT} IF NOT EXISTS", 1, 2)
    assert driver.asked == ["one"]


@pytest.mark.parametrize("code", MAY_PASS.values(), ids=MAY_PASS)
async def test_a_read_that_may_work_later_is_waited_out(code: int) -> None:
    opened = session.Session(Answering(code), "keyspace")
    read = "SELECT one FROM numbers WHERE one = ? AND other = ?"
    with pytest.raises(Unavailable, match="this is why"):
        await opened.execute(read, 1, 2)
    with pytest.raises(Unavailable, match="this is why"):
        await anext(opened.pages(read, 1, 2))


@pytest.mark.parametrize(
    ("code", "error"), [(0x2000, SyntaxException), (0x2300, ConfigurationException)]
)
async def test_a_statement_that_can_never_work_is_not_waited_out(
    code: int, error: type[Exception]
) -> None:
    opened = session.Session(Answering(code), "keyspace")
    with pytest.raises(error):
        await opened.execute_once(PUT, 1, 2)
    with pytest.raises(error):
        await anext(opened.pages(PUT, 1, 2))
