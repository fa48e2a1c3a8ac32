"""Values by key, kept in this process: each is loaded once, for all who ask for it meanwhile."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, NamedTuple, TypeVar

from instastream.limits import CACHE_ENTRY_BYTES

Key = TypeVar("Key", bound=str)
Value = TypeVar("Value")


class Usage(NamedTuple):
    """What a cache was used for: values that were here, and that were not; what it keeps."""

    hits: int
    misses: int
    size_bytes: int


class Cache(Generic[Key, Value]):
    """What `load` answers, least recently used out first; keys that it leaves out are as None.

    A value larger than the whole cache is not kept.

    What is evicted while it is being loaded is not kept, and not given to those who ask from then
    on: they may know of something newer than what that load reads.
    """

    def __init__(
        self,
        load: Callable[[list[Key]], Awaitable[Mapping[Key, Value]]],
        *,
        bytes_max: int,
        size_of: Callable[[Value], int],
    ) -> None:
        self._load = load
        self._bytes_max = bytes_max
        self._size_of = size_of
        self._bytes = 0
        self._hits = self._misses = 0
        self._kept: OrderedDict[Key, Value | None] = OrderedDict()
        self._loading: dict[Key, asyncio.Task[Mapping[Key, Value]]] = {}

    @property
    def usage(self) -> Usage:
        """Since it was made."""
        return Usage(self._hits, self._misses, self._bytes)

    def peek(self, key: Key) -> Value | None:
        """What is kept; raises KeyError when it must be loaded first."""
        value = self._kept[key]
        self._kept.move_to_end(key)
        self._hits += 1
        return value

    async def get(self, key: Key) -> Value | None:
        """One value; raises what `load` raises, and then keeps nothing."""
        if key in self._kept:
            return self.peek(key)
        return (await self.get_all([key]))[key]

    async def get_all(self, keys: Collection[Key]) -> dict[Key, Value | None]:
        """Many values; what is missing is loaded in one batch."""
        kept = self._kept
        found = {key: kept[key] for key in keys if key in kept}
        for key in found:
            kept.move_to_end(key)
        self._hits += len(found)
        if len(found) < len(keys):
            self._misses += len(keys) - len(found)
            loads = self._loads([key for key in keys if key not in found])
            for key, load in loads.items():
                found[key] = (await asyncio.shield(load)).get(key)
        return found

    def evict(self, key: Key) -> None:
        """Forget one value, whether it is here or on its way."""
        self._loading.pop(key, None)
        if key in self._kept:
            self._bytes -= self._size(self._kept.pop(key))

    def clear(self) -> None:
        """Forget all."""
        self._loading.clear()
        self._kept.clear()
        self._bytes = 0

    def _loads(self, missing: list[Key]) -> dict[Key, asyncio.Task[Mapping[Key, Value]]]:
        """The load under way for each key; what none brings is loaded from now on."""
        anew = [key for key in dict.fromkeys(missing) if key not in self._loading]
        if anew:
            load = asyncio.ensure_future(self._loaded(anew))
            load.add_done_callback(lambda load: self._keep(anew, load))
            self._loading |= dict.fromkeys(anew, load)
        return {key: self._loading[key] for key in missing}

    async def _loaded(self, keys: list[Key]) -> Mapping[Key, Value]:
        return await self._load(keys)

    def _keep(self, keys: list[Key], load: asyncio.Task[Mapping[Key, Value]]) -> None:
        values = None if load.cancelled() or load.exception() else load.result()
        for key in keys:
            if self._loading.get(key) is load:
                del self._loading[key]
                if values is not None:
                    self._put(key, values.get(key))

    def _put(self, key: Key, value: Value | None) -> None:
        size_bytes = self._size(value)
        if size_bytes > self._bytes_max:
            return  # to keep it, all others would have to go
        self._kept[key] = value
        self._bytes += size_bytes
        while self._bytes > self._bytes_max:
            self._bytes -= self._size(self._kept.popitem(last=False)[1])

    def _size(self, value: Value | None) -> int:
        return CACHE_ENTRY_BYTES + (0 if value is None else self._size_of(value))
