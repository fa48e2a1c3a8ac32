"""The feed as a stream of server-sent events: the id of each new post, as it lands."""

import asyncio
import re
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from instastream.api.operations import Answer, Asked, Encoded, Nothing, Operation
from instastream.api.problems import Fault, Invalid
from instastream.ids import PostId
from instastream.limits import PAGE_LENGTH_MAX, STREAM_S_MAX
from instastream.reading import pages
from instastream.reading.streams import Stream, Streams, missed
from instastream.stores.changes import Place

HEARTBEAT_S = 15.0  # shorter than proxies wait for a silent connection
ENTRY_PATTERN = r"[0-9]{1,19}(-[0-9]{1,19})?"  # Redis takes 64 bits
MEDIA_TYPE = "text/event-stream"
HEADERS = [
    (b"content-type", MEDIA_TYPE.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx hands on each event at once
]
ABORT = "instastream.abort"  # in a scope: what closes its connection at once

Event = tuple[str, PostId]


class EventStream(Response):
    """Events until the reader goes, was too slow, or comes again with a newer token."""

    def __init__(self, stream: Stream, streams: Streams, events: list[Event]) -> None:
        self._stream = stream
        self._streams = streams
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream = self._stream
        stream.on_drop = scope.get(ABORT, stream.close)
        if scope["method"] == "HEAD":
            stream.close()
        listening = asyncio.create_task(_until_gone(receive, stream))
        ends_s = asyncio.get_running_loop().time() + STREAM_S_MAX
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await _send(b": hello\n\n" + _spelled(self._events), send)
            while not stream.closed and asyncio.get_running_loop().time() < ends_s:
                events = await stream.take(timeout_s=HEARTBEAT_S)
                await _send(_spelled(events) or b":\n\n", send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            listening.cancel()
            self._streams.leave(stream)


async def _send(body: bytes, send: Send) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _until_gone(receive: Receive, stream: Stream) -> None:
    with suppress(asyncio.CancelledError):
        while (await receive())["type"] != "http.disconnect":
            pass
        stream.close()


def _spelled(events: list[Event]) -> bytes:
    return b"".join(
        b'id: %b\nevent: post\ndata: {"id":"%b"}\n\n' % (entry.encode(), post_id.encode())
        for entry, post_id in events
    )


async def follow(asked: Asked[Nothing, Nothing]) -> Answer[Encoded]:
    """What lands from now on; after Last-Event-ID first what landed meanwhile."""
    last = asked.last_event_id
    if last is not None and not re.fullmatch(ENTRY_PATTERN, last):
        what = "Last-Event-ID: Expected the id of an event"
        raise Invalid(Fault(what, header="Last-Event-ID"))
    stream, place = await asked.streams.open(asked.viewer)
    try:
        events = [] if last is None else await _meanwhile(asked, stream, place, last)
    except BaseException:
        asked.streams.leave(stream)
        raise
    return Answer(EventStream(stream, asked.streams, events))


async def _meanwhile(
    asked: Asked[Nothing, Nothing], stream: Stream, place: Place, last: str
) -> list[Event]:
    """What landed after an event; where that is not known any more, the newest of the feed."""
    events = await missed(last, place, stream, asked.deps)
    if events is not None:
        return events
    page = await pages.read_feed(
        asked.viewer,
        before=None,
        limit=PAGE_LENGTH_MAX,
        size="thumb",
        known=asked.known,
        deps=asked.deps,
    )
    return [(place.entry, post_id) for post_id in reversed(page.post_ids)]


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/feed/stream",
        summary="Hear of new posts of the own feed as they land (server-sent events)",
        endpoint=follow,
        query=Nothing,
        body=Nothing,
        shown=str,
        media_type=MEDIA_TYPE,
        headers=("cache-control",),
        problems=("too-many-streams",),
        resumable=True,
    ),
)
