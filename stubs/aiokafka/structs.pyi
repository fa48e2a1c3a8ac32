from collections.abc import Sequence
from typing import NamedTuple

class OffsetAndMetadata:
    offset: int
    metadata: str

class RecordMetadata:
    topic: str
    partition: int
    offset: int
    timestamp: int

class ConsumerRecord:
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]

class OffsetAndTimestamp(NamedTuple):
    offset: int
    timestamp: int
