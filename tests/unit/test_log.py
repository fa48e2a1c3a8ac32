"""A reader of the log leaves nothing open, whatever becomes of it."""

import asyncio
from typing import Any

import pytest

from instastream import log
from instastream.errors import Unavailable
from instastream.log import KafkaLog


class Starting:
    """A consumer that does not come to its end of starting."""

    def __init__(self, *topics: str, **options: Any) -> None:
        self.stopped = False
        self.trouble: Exception | None = None

    async def start(self) -> None:
        if self.trouble:
            raise self.trouble
        await asyncio.Event().wait()

    async def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Starting:
    consumer = Starting()
    monkeypatch.setattr(log, "AIOKafkaConsumer", lambda *topics, **options: consumer)
    return consumer


async def read() -> None:
    async for _ in KafkaLog("kafka.test:1", prefix="").read("users"):
        pass


async def test_a_reader_given_up_while_it_starts_is_closed(consumer: Starting) -> None:
    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert consumer.stopped


async def test_a_reader_that_cannot_start_is_closed(consumer: Starting) -> None:
    consumer.trouble = OSError("nobody there")
    with pytest.raises(Unavailable):
        await read()
    assert consumer.stopped
