from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

class OffsetAndMetadata:
    offset: int
    metadata: str

class RecordMetadata:
    topic: str
    partition: int
    offset: int
    timestamp: int

@dataclass
class ConsumerRecord:
    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    headers: Sequence[tuple[str, bytes]]

class OffsetAndTimestamp(NamedTuple):
    offset: int
    timestamp: int
