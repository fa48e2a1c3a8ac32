"""Which originals are rendered, which posts refer to them, and what nobody refers to any more.

A root is `media.root_of` an original's digest. Why this is right: docs/decisions/0013.
"""

from typing import Protocol

from msgspec import Struct

from instastream.errors import Corrupt
from instastream.ids import MediaId, PostId
from instastream.media import Outcome


class Generations(Struct, frozen=True):
    """What a root holds; only what is of the current generation is given to anyone new."""

    current: int
    outcomes: dict[int, Outcome]

    @property
    def standing(self) -> Outcome | None:
        """What the current generation holds, once it is complete."""
        return self.outcomes.get(self.current)


class Reference(Struct, frozen=True, order=True):
    """That a media of some post needs what lies in a root."""

    root: str
    media_id: MediaId


class PostReferences(Struct, frozen=True):
    """All that a post ever referred to, and whether it was deleted."""

    deleted: bool
    references: list[Reference]


class Due(Struct, frozen=True, order=True):
    """That someone is to look, from `due_ms` on, whether a root is still needed."""

    due_ms: int
    root: str
    mark: str  # each call's own, so that dropping one never drops a later one


class Ledger(Protocol):
    """Claims and generations are linearizable; the rest may be written in any order, repeatedly."""

    async def claim(self, root: str, owner: str, *, ttl_s: int) -> bool:
        """Whether `owner` alone is to render this for `ttl_s` from now; its own it renews.

        Raises Corrupt where another's claim has just become a failure.
        """

    async def fail(self, root: str, owner: str, why: Corrupt, *, ttl_s: int) -> None:
        """Make a claim a failure, which whoever claims it within `ttl_s` shares; only its own."""

    async def free(self, root: str, owner: str) -> None:
        """End a claim early, unless it is another's by now."""

    async def generations(self, root: str) -> Generations:
        """What is there by now."""

    async def keep(self, root: str, generation: int, outcome: Outcome) -> Outcome:
        """A generation's outcome, for good: this one unless another was kept first."""

    async def condemn(self, root: str, generation: int) -> None:
        """Nobody is given this generation, or one before it, from now on."""

    async def forget(self, root: str, generation: int) -> None:
        """The outcome of a condemned generation and of those before it is no more."""

    async def refer(self, post_id: PostId, reference: Reference) -> None:
        """A post needs it; without effect on one that was released, before or later."""

    async def release(self, reference: Reference) -> None:
        """It is needed no more, for good."""

    async def is_referred(self, root: str) -> bool:
        """Whether any media needs it."""

    async def spare(self, root: str, *, ttl_s: int) -> None:
        """Nobody is to reclaim it for so long, needed or not."""

    async def is_spared(self, root: str) -> bool:
        """Whether that is so."""

    async def record_deleted(self, post_id: PostId) -> None:
        """The post is deleted, for good."""

    async def of_post(self, post_id: PostId) -> PostReferences:
        """What a post ever referred to, released or not."""

    async def look_later(self, root: str, *, due_ms: int) -> None:
        """Have someone look whether it is still needed."""

    async def due(self, now_ms: int, *, limit: int) -> list[Due]:
        """What to look at by now, at most about `limit`."""

    async def drop(self, due: Due) -> None:
        """It was looked at."""
