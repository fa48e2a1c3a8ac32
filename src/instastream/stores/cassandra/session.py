"""A Cassandra session for asyncio: prepared statements, timestamps given, errors translated."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import lru_cache
from random import Random
from typing import Any

from cassandra import ConsistencyLevel, InvalidRequest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, ResponseFuture
from cassandra.cluster import Session as DriverSession
from cassandra.policies import DCAwareRoundRobinPolicy, FallthroughRetryPolicy, TokenAwarePolicy
from cassandra.query import PreparedStatement, Statement, named_tuple_factory

from instastream.errors import Corrupt, Unavailable
from instastream.retries import backoff
from instastream.settings import Settings
from instastream.stores.cassandra.failures import translated
from instastream.stores.cassandra.generations import PROJECTED, Generations
from instastream.stores.cassandra.numbers import NumbersBatch, Values

REQUEST_TIMEOUT_S = 10.0  # a flush or a compaction may hold a small server for seconds
CONNECT_TIMEOUT_S = 5.0
START_TIMEOUT_S = 60.0  # a server that starts, on a busy machine; whoever waits for us waits longer
PROTOCOL_VERSION = 5  # Cassandra 4.0 and later; asking for more costs two connections at start
PAGE_ROWS = 5_000  # half a megabyte of small ones
STATEMENTS_KEPT = 200  # that read: all there are
IN_FLIGHT_MAX = 256  # beyond it a small server queues, and requests time out while they wait

TABLE = re.compile(r"\b(FROM|INTO|UPDATE|TRUNCATE) (\w+)\b(?!\.)")
NEVER_AGAIN = FallthroughRetryPolicy()  # the driver asks its policy, not `is_idempotent`
Row = Any  # a named tuple of the selected columns
PINNED: ContextVar[str] = ContextVar("pinned", default="")  # a keyspace, for a task

log = logging.getLogger(__name__)


class Session:
    """Runs CQL in one keyspace; a failure is Unavailable, or Corrupt where values are refused."""

    def __init__(self, driver: DriverSession, keyspace: str, *, projected: str = "") -> None:
        self._driver = driver
        self._keyspace = keyspace
        self._projected = projected
        self.generations = Generations(keyspace, self)
        self._prepared: dict[tuple[str, str], asyncio.Future[PreparedStatement]] = {}
        self._in_flight = asyncio.Semaphore(IN_FLIGHT_MAX)

    async def execute(
        self,
        cql: str,
        *values: object,
        idempotent: bool = True,
        serial: bool = False,
        at_once: bool = False,
    ) -> list[Row]:
        """Every row of every page. Only an idempotent statement is ever sent twice.

        A serial read sees every conditional write that was answered before it, or is under way.
        One that is made at once has one page: of a partition all is as of one moment.
        """
        statement = (await self._prepare(cql)).bind(values)
        if serial:
            statement.consistency_level = ConsistencyLevel.LOCAL_SERIAL
        if at_once:
            statement.fetch_size = None
        statement.is_idempotent = idempotent
        statement.retry_policy = None if idempotent else NEVER_AGAIN
        try:
            return await self._run(statement)
        except InvalidRequest as error:
            await self._prepare_now(*await self._placed(cql))  # raises where no table is there
            raise Corrupt("refused-by-cassandra", str(error)) from error

    async def _run(self, statement: Statement) -> list[Row]:
        with translated(InvalidRequest):
            async with self._in_flight:
                return await _rows(self._driver.execute_async(statement))

    async def pages(
        self, cql: str, *values: object, rows: int = PAGE_ROWS
    ) -> AsyncIterator[list[Row]]:
        """The pages of an idempotent read, one at a time, however many there are."""
        statement = (await self._prepare(cql)).bind(values)
        statement.fetch_size = rows
        statement.is_idempotent = True
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[list[Row] | Exception] = asyncio.Queue()

        def arrive(page: list[Row] | Exception | None) -> None:
            loop.call_soon_threadsafe(arrived.put_nowait, page or [])

        response: ResponseFuture | None = None
        while response is None or response.has_more_pages:
            async with self._in_flight:
                with translated():
                    if response is None:
                        response = self._driver.execute_async(statement)
                        response.add_callbacks(arrive, arrive)
                    else:
                        response.start_fetching_next_page()
                    page = await arrived.get()
                    if isinstance(page, Exception):
                        raise page
            yield page

    async def execute_together(self, statements: Iterable[tuple[str, Values]]) -> None:
        """Idempotent writes of whole numbers: of one partition all are seen, or none."""
        batch = NumbersBatch()
        prepared: dict[str, PreparedStatement] = {}
        for cql, values in statements:
            if cql not in prepared:
                prepared[cql] = await self._prepare(cql)
            batch.put(prepared[cql], values)
        try:
            await self._run(batch)
        except InvalidRequest as error:  # no whole number is refused
            raise Unavailable("cassandra", error) from error

    async def execute_once(self, cql: str, *values: object) -> Row:
        """A conditional write: `[applied]`, and what stands where it was not."""
        return (await self.execute(cql, *values, idempotent=False))[0]

    async def execute_all(self, cql: str, parameters: Iterable[tuple[object, ...]]) -> list[Row]:
        """The rows of one statement with many parameters, all at once."""
        results = await asyncio.gather(*(self.execute(cql, *values) for values in parameters))
        return [row for rows in results for row in rows]

    @asynccontextmanager
    async def one_generation(self) -> AsyncIterator[None]:
        """What is read and written within is of one generation of projections."""
        pinned = PINNED.set(self._projected or PINNED.get() or await self.generations.keyspace())
        try:
            yield
        finally:
            PINNED.reset(pinned)

    async def count_in_one_generation(self) -> None:
        """So is all that this task does from here on; raises Unready while counting is held."""
        if not self._projected:
            PINNED.set(await self.generations.keyspace_to_count_in())

    async def settle(self) -> None:
        """Wait for what threads are doing: without its cluster a prepare would wait for ever."""
        await asyncio.gather(*self._prepared.values(), return_exceptions=True)

    async def ping(self) -> None:
        """Raise Unavailable unless Cassandra answers."""
        await self.execute("SELECT key FROM system.local")

    async def _prepare(self, cql: str) -> PreparedStatement:
        placed = await self._placed(cql)
        if placed not in self._prepared:
            self._prepared[placed] = asyncio.ensure_future(self._prepare_now(*placed))
        try:
            return await asyncio.shield(self._prepared[placed])
        except Exception:
            self._prepared.pop(placed, None)
            raise

    async def _placed(self, cql: str) -> tuple[str, str]:
        """A statement, and the keyspace that its tables are in now."""
        if not _is_projected(cql):
            return cql, self._keyspace
        return cql, self._projected or PINNED.get() or await self.generations.keyspace()

    async def _prepare_now(self, cql: str, keyspace: str) -> PreparedStatement:
        """Cassandra warns of prepared statements that lean on the session's keyspace."""
        qualified = TABLE.sub(rf"\1 {keyspace}.\2", cql)
        with translated():
            return await asyncio.to_thread(self._driver.prepare, qualified)


@lru_cache(STATEMENTS_KEPT)
def _is_projected(cql: str) -> bool:
    """Whether its tables move with the generation that serves; all of them do or none does."""
    found = TABLE.search(cql)
    return bool(found and found[2] in PROJECTED)


@asynccontextmanager
async def open_session(settings: Settings, *, projected: str = "") -> AsyncIterator[Session]:
    """A session in the settings' keyspace, where projections serve or in another that is named.

    Raises Unavailable when no server answers for a minute.
    """
    cluster, driver = await _connected(settings.cassandra)
    session = Session(driver, settings.keyspace, projected=projected)
    try:
        try:
            yield session
        finally:
            await session.settle()
    finally:
        await asyncio.to_thread(cluster.shutdown)


async def _connected(addresses: str) -> tuple[Cluster, DriverSession]:
    deadline = time.monotonic() + START_TIMEOUT_S
    for wait_s in backoff(Random()):
        try:
            with translated():
                return await _connect(addresses)
        except Unavailable as error:
            if time.monotonic() + wait_s > deadline:
                raise
            log.warning("cassandra does not answer yet: %s", error.__cause__)
            await asyncio.sleep(wait_s)
    raise AssertionError("backoff has no end")


async def _connect(addresses: str) -> tuple[Cluster, DriverSession]:
    """The driver can't use a cluster again that did not answer."""
    cluster = open_cluster(addresses)
    try:
        return cluster, await asyncio.to_thread(cluster.connect)
    except BaseException:
        await asyncio.to_thread(cluster.shutdown)
        raise


def open_cluster(addresses: str) -> Cluster:
    """The driver's cluster behind `host:port[,host:port]`."""
    hosts = [address.rsplit(":", 1) for address in addresses.split(",")]
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=REQUEST_TIMEOUT_S,
        row_factory=named_rows,
    )
    return Cluster(
        contact_points=[(host, int(port)) for host, port in hosts],
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=CONNECT_TIMEOUT_S,
        control_connection_timeout=REQUEST_TIMEOUT_S,  # it reads the whole schema
        protocol_version=PROTOCOL_VERSION,
    )


def named_rows(columns: list[str], rows: list[tuple[object, ...]]) -> list[Row]:
    """As the driver's own, which makes a class for every answer: that takes a tenth of a read."""
    return list(map(_row_type(tuple(columns))._make, rows))


@lru_cache(STATEMENTS_KEPT)
def _row_type(columns: tuple[str, ...]) -> Any:
    [row] = named_tuple_factory(columns, [columns])
    return type(row)


async def _rows(response: ResponseFuture) -> list[Row]:
    """The driver calls back on its own thread, once a page."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[list[Row]] = loop.create_future()
    rows: list[Row] = []

    def on_page(page: list[Row] | None) -> None:
        rows.extend(page or [])
        if response.has_more_pages:
            response.start_fetching_next_page()
        else:
            loop.call_soon_threadsafe(_resolve, done, rows, None)

    def on_error(error: Exception) -> None:
        loop.call_soon_threadsafe(_resolve, done, rows, error)

    response.add_callbacks(on_page, on_error)
    return await done


def _resolve(done: "asyncio.Future[list[Row]]", rows: list[Row], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(rows)
    else:
        done.set_exception(error)
