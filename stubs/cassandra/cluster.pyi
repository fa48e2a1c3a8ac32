from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cassandra.policies import LoadBalancingPolicy, RetryPolicy
from cassandra.query import PreparedStatement, Statement

EXEC_PROFILE_DEFAULT: object

class NoHostAvailable(Exception): ...

class ExecutionProfile:
    def __init__(
        self,
        *,
        load_balancing_policy: LoadBalancingPolicy = ...,
        consistency_level: int = ...,
        serial_consistency_level: int = ...,
        request_timeout: float = ...,
        row_factory: Callable[[list[str], list[tuple[object, ...]]], list[Any]] = ...,
    ) -> None: ...

class ResponseFuture:
    has_more_pages: bool
    session: Any
    def __init__(
        self,
        session: object,
        message: object,
        query: Statement,
        timeout: float | None,
        *,
        retry_policy: RetryPolicy = ...,
        row_factory: Callable[[list[str], list[tuple[object, ...]]], list[Any]] = ...,
        load_balancer: object = ...,
    ) -> None: ...
    def send_request(self) -> bool: ...
    def _set_result(self, host: str, connection: None, pool: None, response: Exception) -> None: ...
    def start_fetching_next_page(self) -> None: ...
    def add_callbacks(
        self,
        callback: Callable[[list[Any] | None], None],
        errback: Callable[[Exception], None],
    ) -> None: ...

class Session:
    def execute(self, query: str) -> Any: ...
    def set_keyspace(self, keyspace: str) -> None: ...
    def execute_async(self, statement: Statement) -> ResponseFuture: ...
    def prepare(self, query: str) -> PreparedStatement: ...

class Cluster:
    def __init__(
        self,
        contact_points: Sequence[tuple[str, int]],
        *,
        execution_profiles: Mapping[object, ExecutionProfile] = ...,
        connect_timeout: float = ...,
        control_connection_timeout: float | None = ...,
        protocol_version: int = ...,
    ) -> None: ...
    def connect(self, keyspace: str | None = ...) -> Session: ...
    def shutdown(self) -> None: ...
