"""The works of `crash_story` among ids of their own, so that all of them lie in one system.

Each has people, posts and media that no other has; what its events say is the same.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from instastream.deps import Deps
from instastream.events import (
    Event,
    FanoutPage,
    FollowRequested,
    UploadFinalized,
    decode,
    encode,
    identity_of,
)
from instastream.ids import PostId, UserId
from instastream.load.scenario.media import with_comment
from instastream.stores.graph import bucket_of
from instastream.uploads import original_key
from tests.flow.crash_story import (
    ADA,
    BAD,
    BOB,
    CLIP,
    EVE,
    MEDIA_OF,
    NEW,
    OLD,
    PAST,
    WORKS,
    Work,
    rendered_key,
)
from tests.flow.tiny_renderer import DAMAGED

SPACING = 100  # more ids than a story has
SNOWFLAKE = re.compile(r"(?<=15712345678901)\d{5}")
UUID = re.compile(r"(?<=-8000-)0{8}(?=000\d)")


@dataclass(frozen=True, eq=False)
class Placed:
    """A work, and all that it is about: its number makes its ids."""

    number: int
    work: Work
    originals: Mapping[PostId, bytes]

    @property
    def past(self) -> list[Event]:
        """What came before."""
        return [self._own(event) for event in (*PAST, *self.work.before)]

    def events(self, asked: int) -> list[Event]:
        """What a worker dies in; `asked` is where what they answer stands."""
        own = map(self._own, self.work.events)
        return [replace(one, request=asked) if hasattr(one, "request") else one for one in own]

    @property
    def readers(self) -> list[UserId]:
        """Who has a list."""
        return [UserId(self._id(user)) for user in (BOB, EVE)]

    @property
    def objects(self) -> dict[str, bytes]:
        """What lies in the object store: not what was uploaded before, which became another."""
        before = [one for one in (*PAST, *self.work.before) if isinstance(one, UploadFinalized)]
        left = MEDIA_OF.keys() - {one.post_id for one in before}
        keys = {rendered_key(post): post for post in MEDIA_OF}
        keys |= {original_key(ADA, MEDIA_OF[post]): post for post in left}
        return {self._id(key): self.originals[post] for key, post in keys.items()}

    def _own(self, event: Event) -> Event:
        own = decode(self._id(encode(event).decode()).encode())
        if isinstance(event, UploadFinalized):
            return replace(own, size_bytes=len(self.originals[event.post_id]))
        if isinstance(own, FanoutPage) and own.buckets == 1:
            return replace(own, bucket=bucket_of(UserId(self._id(BOB))))
        return own

    def _id(self, text: str) -> str:
        """The same of this work's own, wherever an id stands."""
        text = SNOWFLAKE.sub(lambda found: str(int(found[0]) + SPACING * self.number), text)
        return UUID.sub(f"{self.number:08}", text)


def placed(photo: bytes, clip: bytes) -> list[Placed]:
    """All of them; each has a photograph of its own."""
    found = []
    for number, work in enumerate(WORKS):
        own = with_comment(photo, f"{number:04}")
        found.append(Placed(number, work, {OLD: own, NEW: own, CLIP: clip, BAD: DAMAGED}))
    return found


async def append(events: Iterable[Event], deps: Deps) -> int:
    """Append them one by one; returns where the last request to follow stands."""
    asked = 0
    for event in events:
        record = await deps.log.append(event)
        if isinstance(event, FollowRequested):
            asked = record.offset
    return asked


def ids_of(events: Iterable[Event]) -> frozenset[str]:
    """What each carries as its `ce_id`."""
    return frozenset(identity_of(encode(event)).decode() for event in events)
