"""What a handler is, and the tables that say which stream app runs which."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from instastream.deps import Deps
from instastream.events import Event, Record

Handler: TypeAlias = Callable[[Record[Any], Deps], Awaitable[list[Event]]]  # events to append
Handlers: TypeAlias = Mapping[type[Event], Handler]

BatchHandler: TypeAlias = Callable[[Sequence[Record[Any]], Deps], Awaitable[list[Event]]]
BatchHandlers: TypeAlias = Mapping[str, BatchHandler]  # by topic: of one partition, in order

# What is appended when an event is given up, so that whoever waits for it knows.
LastWords: TypeAlias = Mapping[type[Event], Callable[[Any, Deps], list[Event]]]
NO_LAST_WORDS: LastWords = MappingProxyType({})
