from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple, Self

from aiokafka.client import AIOKafkaClient
from aiokafka.structs import ConsumerRecord, RecordMetadata

class TopicPartition(NamedTuple):
    topic: str
    partition: int

class AIOKafkaProducer:
    client: AIOKafkaClient
    def __init__(
        self,
        *,
        bootstrap_servers: str,
        enable_idempotence: bool = ...,
        acks: str = ...,
        linger_ms: int = ...,
        request_timeout_ms: int = ...,
        max_request_size: int = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def send_and_wait(
        self,
        topic: str,
        value: bytes | None = ...,
        key: bytes | None = ...,
        *,
        headers: Sequence[tuple[str, bytes]] | None = ...,
    ) -> RecordMetadata: ...

class AIOKafkaConsumer:
    def __init__(
        self,
        *topics: str,
        bootstrap_servers: str,
        group_id: str | None = ...,
        auto_offset_reset: str = ...,
        enable_auto_commit: bool = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc_info: object) -> None: ...
    def assignment(self) -> frozenset[TopicPartition]: ...
    async def end_offsets(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]: ...
    async def position(self, partition: TopicPartition) -> int: ...
    async def committed(self, partition: TopicPartition) -> int | None: ...
    async def getmany(
        self, *, timeout_ms: int = ...
    ) -> dict[TopicPartition, list[ConsumerRecord]]: ...
    def __aiter__(self) -> AsyncIterator[ConsumerRecord]: ...
