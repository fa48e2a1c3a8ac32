from typing import BinaryIO, NamedTuple

from cassandra.query import ColumnType

class ColumnMetadata(NamedTuple):
    keyspace_name: str
    table_name: str
    name: str
    type: ColumnType

class ErrorMessage(Exception):
    @classmethod
    def recv_body(cls, f: BinaryIO, protocol_version: int) -> ErrorMessage: ...

class RequestExecutionException(ErrorMessage): ...
class ServerError(ErrorMessage): ...
class SyntaxException(ErrorMessage): ...
class ConfigurationException(ErrorMessage): ...
