"""A producer that has come to a halt is replaced, and one that is only slow is not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from instastream import log
from instastream.errors import Unavailable
from instastream.events import UserJoined
from instastream.ids import UserId
from instastream.log import KafkaLog
from instastream.settings import Settings

JOINED = UserJoined(user_id=UserId("1571234567890123456"), username="ada", at_ms=1)
SILENT_S = 0.3


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> list[AIOKafkaProducer]:
    """Producers in here acknowledge nothing; nobody waits for long."""
    producers: list[AIOKafkaProducer] = []
    send_and_wait = AIOKafkaProducer.send_and_wait

    async def sent(self: AIOKafkaProducer, *record: Any, **more: Any) -> Any:
        if self in producers:
            await asyncio.Event().wait()
        return await send_and_wait(self, *record, **more)

    monkeypatch.setattr(AIOKafkaProducer, "send_and_wait", sent)
    monkeypatch.setattr(log, "SILENT_S_MAX", SILENT_S)
    return producers


@pytest_asyncio.fixture
async def kafka(settings: Settings, deaf: list[AIOKafkaProducer]) -> AsyncIterator[KafkaLog]:
    """A log whose producer has acknowledged an event."""
    async with KafkaLog(settings.kafka, prefix=settings.prefix) as kafka:
        await kafka.append(JOINED)
        yield kafka


async def test_a_producer_that_has_acknowledged_nothing_for_long_is_replaced(
    kafka: KafkaLog, deaf: list[AIOKafkaProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kafka._producer
    assert first
    deaf.append(first)
    monkeypatch.setattr(log, "ACK_TIMEOUT_S", SILENT_S / 2)
    while kafka._producer is first:
        with pytest.raises(Unavailable):
            await kafka.append(JOINED)
    monkeypatch.undo()
    await kafka.append(JOINED)


async def test_a_producer_that_acknowledges_now_and_then_stays(
    kafka: KafkaLog, deaf: list[AIOKafkaProducer], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kafka._producer
    assert first
    for _ in range(3):
        deaf.append(first)
        with monkeypatch.context() as patch:
            patch.setattr(log, "ACK_TIMEOUT_S", SILENT_S)
            with pytest.raises(Unavailable):
                await kafka.append(JOINED)
        deaf.clear()
        await kafka.append(JOINED)
    assert kafka._producer is first
