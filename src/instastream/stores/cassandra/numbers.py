"""Batches of rows that hold whole numbers only: the driver takes four times as long to add one."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct

from cassandra.query import BatchStatement, BatchType, PreparedStatement

PACKERS = {"bigint": Struct(">q").pack, "int": Struct(">i").pack}  # by CQL type
STATEMENTS_KEPT = 100


class NumbersBatch(BatchStatement):
    """Idempotent writes, unlogged: those to one partition are seen together, or not at all."""

    def __init__(self) -> None:
        super().__init__(BatchType.UNLOGGED)
        self.is_idempotent = True

    def put(self, statement: PreparedStatement, values: Sequence[int]) -> None:
        """As `add`, of ints only."""
        if not self._statements_and_parameters:  # it tells who keeps the partition
            self.add(statement, values)
            return
        packed = [pack(value) for pack, value in zip(_packers(statement), values, strict=True)]
        self._statements_and_parameters.append((True, statement.query_id, packed))


@lru_cache(STATEMENTS_KEPT)
def _packers(statement: PreparedStatement) -> list[Callable[[int], bytes]]:
    return [PACKERS[column.type.typename] for column in statement.column_metadata]
