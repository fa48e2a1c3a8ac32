"""Saying something over HTTP, and what the stream makes of it."""

from collections.abc import Iterable

from httpx2 import Response

from instastream.deps import Deps
from instastream.handlers.engagement import ENGAGEMENT
from instastream.stores.memory import MemoryLog
from tests.unit.api.conftest import Json, Person


def path_of(post: Json, comment: Json | None = None, then: str = "") -> str:
    """Where a post's comments are, or one of them, or something of it."""
    return f"/v1/posts/{post['id']}/comments" + (f"/{comment['id']}{then}" if comment else "")


async def say(who: Person, post: Json, text: str = "words", to: Json | None = None) -> Json:
    """A new comment, or a reply to one."""
    body = {"text": text} | ({"reply_to": to["id"]} if to else {})
    response = await who.ask("POST", path_of(post), json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def put(who: Person, post: Json, **body: object) -> Response:
    """What is answered to such a comment."""
    return await who.ask("POST", path_of(post), json=body)


async def texts(who: Person, path: str, **query: object) -> list[str | None]:
    """What one page of a list says."""
    response = await who.get(path, **query)
    assert response.status_code == 200, response.text
    return [comment["text"] for comment in response.json()["comments"]]


async def count(deps: Deps, topics: Iterable[str] = ENGAGEMENT) -> None:
    """Whatever is in the log is projected and counted, from its beginning."""
    assert isinstance(deps.log, MemoryLog)
    for topic in topics:
        records = [record async for record in deps.log.read(topic)]
        for partition in {record.partition for record in records}:
            batch = [record for record in records if record.partition == partition]
            await ENGAGEMENT[topic](batch, deps)
