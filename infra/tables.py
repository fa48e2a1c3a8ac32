"""The tables of `schema.cql`: made, given the columns they lack, or refused."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any, TypeAlias

from cassandra import InvalidRequest
from msgspec import Struct

from instastream.errors import Unready
from instastream.settings import Settings
from instastream.stores.cassandra.failures import translated
from instastream.stores.cassandra.generations import PROJECTED, keyspace_of
from instastream.stores.cassandra.session import open_cluster

TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+) \((.*?)\)\s*(?:WITH (.*))?", re.DOTALL)
COLUMN = re.compile(r"(\w+) (\w+(?:<.*>)?)( static)?( primary key)?", re.IGNORECASE)
KEY = re.compile(r"PRIMARY KEY \((?:\((.*)\)|(\w+))(.*)\)", re.DOTALL)
COMMA = re.compile(r",\s*(?![^()]*\)|[^<>]*>)")  # not within parentheses, nor a type
LIVE = """SELECT table_name, column_name, type, kind, position, clustering_order
    FROM system_schema.columns WHERE keyspace_name = %s"""
REMEDY = "`make clean` forgets all that is kept here; on servers of your own make the table anew"


class Column(Struct, frozen=True):
    """A column as Cassandra describes it."""

    type: str
    kind: str  # partition_key, clustering, static or regular
    position: int = -1  # in its part of the key
    order: str = "none"  # asc or desc where it is a clustering one


Table: TypeAlias = Mapping[str, Column]  # by name


def create_tables(settings: Settings) -> None:
    """The keyspace and every table, also of later generations of projections.

    Raises Unready when one that is there can't be made to fit.
    """
    with _connected(settings) as session:
        _create_keyspace(session, settings.keyspace, settings)
        _make_fit(session, settings.keyspace, declared(schema()))
        for generation in _generations(session, settings.keyspace):
            keyspace = keyspace_of(settings.keyspace, generation)
            session.set_keyspace(keyspace)
            _make_fit(session, keyspace, projected())


def create_generation(settings: Settings, generation: int) -> None:
    """The tables of projections, empty, in the keyspace of a generation."""
    keyspace = keyspace_of(settings.keyspace, generation)
    with _connected(settings) as session:
        session.execute(f"DROP KEYSPACE IF EXISTS {keyspace}")
        _create_keyspace(session, keyspace, settings)
        _make_fit(session, keyspace, projected())


def drop_generations(settings: Settings, *, kept: Collection[int]) -> None:
    """Only these are left, and of the first its tables, empty."""
    with _connected(settings) as session:
        for table in PROJECTED if 0 not in kept else ():
            session.execute(f"TRUNCATE {settings.keyspace}.{table}")
        for generation in _generations(session, settings.keyspace):
            if generation not in kept:
                keyspace = keyspace_of(settings.keyspace, generation)
                session.execute(f"DROP KEYSPACE IF EXISTS {keyspace}")


def projected() -> Mapping[str, Table]:
    """The tables of projections."""
    return {name: table for name, table in declared(schema()).items() if name in PROJECTED}


def _generations(session: Any, keyspace: str) -> list[int]:
    """Those that are there beside the first."""
    rows = session.execute("SELECT keyspace_name FROM system_schema.keyspaces")
    later = re.compile(rf"{keyspace}_g(\d+)")
    return [int(found[1]) for row in rows if (found := later.fullmatch(row.keyspace_name))]


@contextmanager
def _connected(settings: Settings) -> Iterator[Any]:
    cluster = open_cluster(settings.cassandra)
    try:
        with translated():
            yield cluster.connect()
    finally:
        cluster.shutdown()


def _create_keyspace(session: Any, keyspace: str, settings: Settings) -> None:
    """It is there, and the session is in it."""
    replication = f"{{'class': 'SimpleStrategy', 'replication_factor': {settings.replication}}}"
    session.execute(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}")
    session.set_keyspace(keyspace)


def schema() -> str:
    """What `schema.cql` says."""
    return files("infra").joinpath("schema.cql").read_text()


def statements(cql: str) -> list[str]:
    """The statements of a CQL file that has no semicolon inside one."""
    lines = (line for line in cql.splitlines() if not line.startswith("--"))
    return [text for part in "\n".join(lines).split(";") if (text := part.strip())]


def declared(cql: str) -> dict[str, Table]:
    """Every table that a CQL file makes, by name."""
    found = (TABLE.fullmatch(statement) for statement in statements(cql))
    return {table[1]: dict(_columns(table[2], table[3] or "")) for table in found if table}


def _columns(body: str, options: str) -> Iterator[tuple[str, Column]]:
    parts = COMMA.split(body.strip())
    key = KEY.fullmatch(parts[-1])
    columns = [found for part in parts if (found := COLUMN.fullmatch(part))]
    partition = COMMA.split(key[1] or key[2]) if key else [c[1] for c in columns if c[4]]
    clustering = COMMA.split(key[3])[1:] if key else []
    for name, type_, static, _ in (column.groups() for column in columns):
        if name in partition:
            yield name, Column(type_, "partition_key", partition.index(name))
        elif name in clustering:
            order = "desc" if f"{name} DESC" in options else "asc"
            yield name, Column(type_, "clustering", clustering.index(name), order)
        else:
            yield name, Column(type_, "static" if static else "regular")


def _make_fit(session: Any, keyspace: str, wanted: Mapping[str, Table]) -> None:
    """Two who do this at once are told so by Cassandra: what counts is what is there then."""
    for statement in statements(schema()):
        if (table := TABLE.fullmatch(statement)) and table[1] in wanted:
            session.execute(statement)
    for change in missing(wanted, _live(session, keyspace)):
        with suppress(InvalidRequest):
            session.execute(change)
    if left := missing(wanted, _live(session, keyspace)):
        raise Unready(f"Cassandra refuses `{left[0]}`, which schema.cql asks for. {REMEDY}")


def _live(session: Any, keyspace: str) -> Mapping[str, Table]:
    tables: dict[str, dict[str, Column]] = {}
    for row in session.execute(LIVE, [keyspace]):
        column = Column(row.type, row.kind, row.position, row.clustering_order)
        tables.setdefault(row.table_name, {})[row.column_name] = column
    return tables


def missing(wanted: Mapping[str, Table], live: Mapping[str, Table]) -> list[str]:
    """What adds the columns that are not there; raises Unready for what no statement can change.

    Rows that are there have null in a column that is added. Columns that nobody declares stay.
    """
    changes = []
    for table, columns in wanted.items():
        there = live[table]
        if _key(columns) != _key(there):
            raise _other(f"table {table}", f"has the key {_key(there)}", _key(columns))
        for name, column in columns.items():
            if name not in there:
                changes.append(f"ALTER TABLE {table} ADD {name} {_spelled(column)}")
            elif there[name] != column:
                found = f"is {_spelled(there[name])}"
                raise _other(f"column {table}.{name}", found, _spelled(column))
    return changes


def _other(what: str, found: str, wanted: str) -> Unready:
    return Unready(f"{what} {found} and schema.cql says {wanted}: nothing can alter that. {REMEDY}")


def _key(table: Table) -> str:
    """The primary key, as CQL spells it."""
    parts = [
        (column.kind != "partition_key", column.position, name, column.order)
        for name, column in table.items()
        if column.position >= 0
    ]
    partition = ", ".join(name for clustering, _, name, _ in sorted(parts) if not clustering)
    rest = [f"{name} {order}" for clustering, _, name, order in sorted(parts) if clustering]
    return f"({', '.join([f'({partition})', *rest])})"


def _spelled(column: Column) -> str:
    return f"{column.type} static" if column.kind == "static" else column.type
