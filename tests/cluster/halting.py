"""A worker whose consumer comes to a halt: faust -A tests.cluster.halting worker.

It writes down whom it handled, in the folder HALTING. As soon as a file lies there that is named
as one of the ways, it is removed, and nothing that is fetched comes to the worker any more. Where
a file `fail` lies, it is removed, and the next one is failed at.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from instastream.deps import Deps
from instastream.events import Event, Record, UserJoined
from instastream.retries import RETRY_DELAYS_S
from streams import worker
from streams.process import prepare_process
from streams.single import EventApp

vars(worker)["LOOK_EVERY_S"] = 0.5
FOLDER = Path(os.environ["HALTING"])
POLL_S = 0.1


async def handle(record: Record[UserJoined], deps: Deps) -> list[Event]:
    """Writes a line."""
    if (FOLDER / "fail").exists():
        (FOLDER / "fail").unlink()
        raise ValueError("as was asked for")
    with (FOLDER / "handled").open("a") as file:
        file.write(f"{record.event.username}\n")
    return []


prepare_process("halting")
app = EventApp(
    "halting", {UserJoined: handle}, in_flight=8, delays_s=dict.fromkeys(RETRY_DELAYS_S, 0.1)
)


async def end() -> None:
    """What fetches in the background has ended, and Faust does not ask after it."""
    consumer: Any = app.consumer
    thread = consumer._thread
    fetcher = thread._consumer._fetcher
    thread.thread_loop.call_soon_threadsafe(fetcher._fetch_task.cancel)
    await _ended(fetcher)


async def end_retries() -> None:
    """So has what fetches what is to be tried again."""
    while not app._retries.assignment():
        await asyncio.sleep(POLL_S)
    consumer: Any = app._retries._consumer
    consumer._fetcher._fetch_task.cancel()
    await _ended(consumer._fetcher)


async def _ended(fetcher: Any) -> None:
    while fetcher._in_flight or not fetcher._fetch_task.done():
        await asyncio.sleep(POLL_S)


async def hang() -> None:
    """Both of those who do what the consumer's thread is asked for wait."""
    consumer: Any = app.consumer
    asked = [consumer._thread.call_thread(_wait) for _ in range(2)]
    waiting.extend(asyncio.ensure_future(one) for one in asked)
    while len(begun) < len(waiting):
        await asyncio.sleep(POLL_S)


async def _wait() -> None:
    begun.append(True)
    await asyncio.Event().wait()


WAYS = {"end": end, "end-retries": end_retries, "hang": hang}
waiting: list[asyncio.Future[Any]] = []
begun: list[bool] = []


async def halt() -> None:
    """As a file says."""
    for way, bring_about in WAYS.items():
        if (FOLDER / way).exists():
            await bring_about()
            (FOLDER / way).unlink()


app.timer(interval=POLL_S)(halt)
