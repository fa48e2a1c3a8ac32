from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from cassandra.policies import RetryPolicy
from cassandra.protocol import ColumnMetadata

class BatchType(Enum):
    UNLOGGED = 1

class Statement:
    is_idempotent: bool
    retry_policy: RetryPolicy | None
    consistency_level: int
    fetch_size: int | None

class BoundStatement(Statement): ...

class ColumnType(Protocol):
    def cql_parameterized_type(self) -> str: ...

class PreparedStatement:
    query_id: bytes
    column_metadata: list[ColumnMetadata]
    def __init__(
        self,
        column_metadata: list[ColumnMetadata],
        query_id: bytes,
        routing_key_indexes: list[int],
        query: str,
        keyspace: str,
        protocol_version: int,
        result_metadata: list[ColumnMetadata],
        result_metadata_id: bytes | None,
    ) -> None: ...
    def bind(self, values: Sequence[object]) -> BoundStatement: ...

class BatchStatement(Statement):
    _statements_and_parameters: list[tuple[bool, bytes, list[bytes]]]
    def __init__(self, batch_type: BatchType) -> None: ...
    def add(self, statement: PreparedStatement, parameters: Sequence[object]) -> None: ...

def named_tuple_factory(
    colnames: Sequence[str], rows: Sequence[Sequence[object]]
) -> list[tuple[object, ...]]: ...
