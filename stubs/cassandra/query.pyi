from collections.abc import Sequence
from enum import Enum

from cassandra.policies import RetryPolicy

class BatchType(Enum):
    UNLOGGED = 1

class Statement:
    is_idempotent: bool
    retry_policy: RetryPolicy | None
    consistency_level: int
    fetch_size: int | None

class BoundStatement(Statement): ...

class PreparedStatement:
    def bind(self, values: Sequence[object]) -> BoundStatement: ...

class BatchStatement(Statement):
    def __init__(self, batch_type: BatchType) -> None: ...
    def add(self, statement: PreparedStatement, parameters: Sequence[object]) -> None: ...
