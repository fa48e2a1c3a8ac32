"""A cache loads once, keeps what fits, and never what was evicted on its way."""

import asyncio
from collections.abc import Mapping

import pytest

from instastream.errors import Unavailable
from instastream.limits import CACHE_ENTRY_BYTES
from instastream.reading.caching import Cache


class Store:
    """Values that are answered when the test says so."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.asked: list[list[str]] = []
        self.gates: list[asyncio.Event] = []
        self.failing = False

    async def load(self, keys: list[str]) -> Mapping[str, str]:
        """What there is as the load begins."""
        found = {key: self.values[key] for key in keys if key in self.values}
        self.asked.append(keys)
        self.gates.append(gate := asyncio.Event())
        await gate.wait()
        if self.failing:
            raise Unavailable("the store", "down")
        return found


def cache_of(store: Store, *, bytes_max: int = 10**6) -> Cache[str, str]:
    return Cache(store.load, bytes_max=bytes_max, size_of=len)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def loaded(cache: Cache[str, str], store: Store, *keys: str) -> dict[str, str | None]:
    """What is read, all loads answered at once."""
    reading = asyncio.create_task(cache.get_all(keys))
    await settle()
    for gate in store.gates:
        gate.set()
    return await reading


async def test_all_who_ask_at_once_share_one_load() -> None:
    store = Store(a="1", b="2", c="3")
    cache = cache_of(store)
    readings = [asyncio.create_task(cache.get_all(keys)) for keys in ("ab", "ba", "abc", "aa")]
    await settle()
    assert store.asked == [["a", "b"], ["c"]]
    for gate in store.gates:
        gate.set()
    assert [await reading for reading in readings] == [
        {"a": "1", "b": "2"},
        {"a": "1", "b": "2"},
        {"a": "1", "b": "2", "c": "3"},
        {"a": "1"},
    ]
    assert await cache.get_all("cba") == {"a": "1", "b": "2", "c": "3"}
    assert len(store.asked) == 2


async def test_what_is_not_there_is_remembered_too() -> None:
    store = Store()
    cache = cache_of(store)
    assert await loaded(cache, store, "a") == {"a": None}
    assert await cache.get("a") is None
    assert cache.peek("a") is None
    assert store.asked == [["a"]]


async def test_what_is_evicted_on_its_way_is_not_kept_nor_given_to_who_asks_later() -> None:
    store = Store(a="old")
    cache = cache_of(store)
    early = asyncio.create_task(cache.get("a"))
    await settle()
    store.values["a"] = "new"
    cache.evict("a")
    late = asyncio.create_task(cache.get("a"))
    await settle()
    assert len(store.asked) == 2
    for gate in store.gates[::-1]:
        gate.set()
        await settle()
    assert (await early, await late) == ("old", "new")
    assert cache.peek("a") == "new"


async def test_clearing_evicts_all_also_what_is_on_its_way() -> None:
    store = Store(a="1", b="2")
    cache = cache_of(store)
    await loaded(cache, store, "b")
    early = asyncio.create_task(cache.get("a"))
    await settle()
    cache.clear()
    store.gates[-1].set()
    assert await early == "1"
    for key in "ab":
        with pytest.raises(KeyError):
            cache.peek(key)


async def test_a_reader_who_goes_away_takes_nothing_from_the_others() -> None:
    store = Store(a="1")
    cache = cache_of(store)
    gone, stays = (asyncio.create_task(cache.get("a")) for _ in range(2))
    await settle()
    gone.cancel()
    await settle()
    store.gates[0].set()
    assert await stays == "1"
    assert store.asked == [["a"]]


async def test_a_load_that_fails_fails_all_who_share_it_and_is_tried_again() -> None:
    store = Store(a="1")
    store.failing = True
    cache = cache_of(store)
    readings = [asyncio.create_task(cache.get("a")) for _ in range(2)]
    await settle()
    store.gates[0].set()
    for reading in readings:
        with pytest.raises(Unavailable):
            await reading
    store.failing = False
    assert await loaded(cache, store, "a") == {"a": "1"}


async def test_the_least_recently_used_goes_first() -> None:
    store = Store(a="1", b="2", c="3")
    cache = cache_of(store, bytes_max=2 * CACHE_ENTRY_BYTES + 2)
    await loaded(cache, store, "a", "b")
    cache.peek("a")
    await loaded(cache, store, "c")
    assert cache.peek("a") == "1"
    with pytest.raises(KeyError):
        cache.peek("b")


async def test_what_is_larger_than_the_cache_is_not_kept_and_pushes_nothing_out() -> None:
    whole, larger = "1" * CACHE_ENTRY_BYTES, "2" * (CACHE_ENTRY_BYTES + 1)
    store = Store(whole=whole, larger=larger)
    cache = cache_of(store, bytes_max=2 * CACHE_ENTRY_BYTES)
    await loaded(cache, store, "whole")
    for _ in range(2):
        assert await loaded(cache, store, "larger") == {"larger": larger}
    with pytest.raises(KeyError):
        cache.peek("larger")
    assert cache.peek("whole") == whole
    assert cache.usage.size_bytes == 2 * CACHE_ENTRY_BYTES
    assert store.asked == [["whole"], ["larger"], ["larger"]]
