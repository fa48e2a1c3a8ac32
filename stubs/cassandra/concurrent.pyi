from collections.abc import Iterable

from cassandra.cluster import Session
from cassandra.query import Statement

def execute_concurrent(
    session: Session,
    statements_and_parameters: Iterable[tuple[Statement, tuple[()]]],
    concurrency: int = ...,
    raise_on_first_error: bool = ...,
) -> list[tuple[bool, object]]: ...
