"""Likes as the stream app counts them, and what clients see of posts then."""

from instastream.deps import Deps
from instastream.events import Record
from instastream.handlers.engagement import ENGAGEMENT
from instastream.stores.memory import MemoryLog
from tests.unit.api.conftest import Json, Person


async def count_all(deps: Deps) -> None:
    """Everything that was said is counted, once more where it is already."""
    assert isinstance(deps.log, MemoryLog)
    for topic, handler in ENGAGEMENT.items():
        for partition, events in deps.log.topics.get(topic, {}).items():
            records = [Record(event, partition, n) for n, event in enumerate(events)]
            await handler(records, deps)


async def like(person: Person, post: Json, method: str = "PUT") -> None:
    """They like a post, or with DELETE no longer."""
    answer = await person.ask(method, f"/v1/posts/{post['id']}/like")
    assert (answer.status_code, answer.content) == (204, b"")


async def seen(person: Person, post: Json) -> tuple[int, bool]:
    """How many like a post, and whether they do."""
    answer = (await person.get(f"/v1/posts/{post['id']}")).json()
    return answer["like_count"], answer["liked"]
