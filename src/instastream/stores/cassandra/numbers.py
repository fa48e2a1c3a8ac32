"""Batches of rows that hold whole numbers only: the driver takes four times as long to add one."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from struct import Struct, pack
from typing import Any, TypeAlias

from cassandra.query import BatchStatement, BatchType, PreparedStatement

Values: TypeAlias = tuple[int | Sequence[int] | Mapping[int, int], ...]

STATEMENTS_KEPT = 100


def _bigints(values: Iterable[int], *, length: int) -> bytes:
    """How many elements; then each number behind its own length."""
    numbers = list(values)
    widths_and_numbers = [8] * (2 * len(numbers))
    widths_and_numbers[1::2] = numbers
    return pack(f">i{'iq' * len(numbers)}", length, *widths_and_numbers)


def _list(values: Collection[int]) -> bytes:
    return _bigints(values, length=len(values))


def _map(values: Mapping[int, int]) -> bytes:
    return _bigints(chain.from_iterable(values.items()), length=len(values))


PACKERS: Mapping[str, Callable[[Any], bytes]] = {  # by CQL type
    "bigint": Struct(">q").pack,
    "int": Struct(">i").pack,
    "list<bigint>": _list,
    "set<bigint>": _list,
    "map<bigint, bigint>": _map,
}


class NumbersBatch(BatchStatement):
    """Idempotent writes, unlogged: those to one partition are seen together, or not at all."""

    def __init__(self) -> None:
        super().__init__(BatchType.UNLOGGED)
        self.is_idempotent = True

    def put(self, statement: PreparedStatement, values: Values) -> None:
        """As `add`, of whole numbers, lists of them and maps."""
        if not self._statements_and_parameters:  # it tells who keeps the partition
            self.add(statement, values)
            return
        packed = [write(value) for write, value in zip(_packers(statement), values, strict=True)]
        self._statements_and_parameters.append((True, statement.query_id, packed))


@lru_cache(STATEMENTS_KEPT)
def _packers(statement: PreparedStatement) -> list[Callable[[Any], bytes]]:
    return [PACKERS[column.type.cql_parameterized_type()] for column in statement.column_metadata]
