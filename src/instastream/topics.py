"""Which topic a name means now: one that was deleted and made anew has another id.

aiokafka speaks Metadata up to version 5; ids (KIP-516) came with later ones. Version 12 has been
there since Kafka 3.1.
"""

from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import TypeAlias
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)
from msgspec import Struct

METADATA = 3


class TopicLife(Struct, frozen=True):
    """A topic, from when it was made until it is deleted or has more partitions."""

    topic_id: UUID
    partitions: int


Lives: TypeAlias = Callable[[str], Awaitable[TopicLife]]


class _Uuid(AbstractType[UUID]):
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


class _Response(Response):
    API_KEY, API_VERSION = METADATA, 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString()),
                ("port", Int32),
                ("rack", CompactString()),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString()),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition_index", Int32),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("replica_nodes", CompactArray(Int32)),
                        ("isr_nodes", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("topic_authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _RequestStruct(RequestStruct):
    API_KEY, API_VERSION = METADATA, 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", _Uuid), ("name", CompactString()), ("tags", TaggedFields)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Request(Request[_RequestStruct]):
    API_KEY = METADATA

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_RequestStruct]) -> _RequestStruct:
        return request_struct_class([(UUID(int=0), self._topic, {})], False, False, {})


async def life_of(client: AIOKafkaClient, topic: str) -> TopicLife:
    """A topic as a broker knows it; raises KafkaError, also where there is none."""
    response = await client.send(client.get_random_node(), _Request(topic))
    [(code, _, topic_id, _, partitions, *_)] = response.topics
    if code:
        raise for_code(code)(topic)
    return TopicLife(topic_id, len(partitions))
