"""What has just changed, for caches to forget: told by whoever changed it, once it is stored."""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from instastream.ids import PostId, UserId
from instastream.stores.counts import Pending
from instastream.stores.feeds import Head

CHANGES_KEPT = 10_000  # minutes of a busy system; who missed more starts with empty caches
CHANGES_READ_MAX = 1_000  # at once; who is further behind starts anew, too


class Change(Struct, frozen=True):
    """What is no longer as it was.

    post: a post, and its author's timeline. landed: likewise, and the post is in feeds, or on its
    way there where followers are many.
    user: what someone follows, blocks or mutes, or their profile. celebrity: someone became one.
    """

    kind: Literal["post", "landed", "user", "celebrity"]
    user_id: UserId  # of a post, its author
    post_id: PostId | None = None


class Place(Struct, frozen=True):
    """How far someone has heard: an entry of one life of the stream."""

    epoch: str
    entry: str


class Heard(Struct, frozen=True):
    """What was told after a place, in order, each with its entry.

    `lost`: what came next is not known any more, and nothing that was learnt before may be used.
    """

    place: Place
    changes: Sequence[tuple[str, Change]] = ()
    lost: bool = False


class Changes(Protocol):
    """One short stream. What was stored before it was told is seen by whoever hears of it."""

    async def tell(self, *changes: Change) -> None:
        """Everyone who listens from now on hears these; tell only what is stored."""

    async def forget(self) -> None:
        """Everyone who listens begins anew: any of what they have learnt may be wrong."""

    async def since(
        self,
        place: Place | None,
        heads: Sequence[Head] = (),
        viewers: Sequence[UserId] = (),
    ) -> tuple[Heard, list[list[PostId] | None], list[Sequence[Pending]]]:
        """What was told after a place (None: nothing is known yet), in one round trip.

        And the first so many ids of some readers' feeds, as `Feeds.read` answers them, and what
        some viewers liked lately, as `Counts.pending` does.
        """

    async def wait(self, place: Place, *, timeout_s: float) -> None:
        """Return once something may have been told after a place, or after that time."""
