from typing import NamedTuple

from cassandra.query import ColumnType

class ColumnMetadata(NamedTuple):
    keyspace_name: str
    table_name: str
    name: str
    type: ColumnType
