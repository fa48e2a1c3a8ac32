from typing import Generic, TypeVar

from aiokafka.protocol.types import Schema

T = TypeVar("T", bound=RequestStruct)

class Response:
    API_KEY: int
    API_VERSION: int
    SCHEMA: Schema

class RequestStruct:
    API_KEY: int
    API_VERSION: int
    FLEXIBLE_VERSION: bool
    RESPONSE_TYPE: type[Response]
    SCHEMA: Schema
    def __init__(self, *values: object) -> None: ...

class Request(Generic[T]):
    API_KEY: int
    def build(self, request_struct_class: type[T]) -> T: ...
