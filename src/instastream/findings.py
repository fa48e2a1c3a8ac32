"""What sweeps find: what goes, what is seen to, what is only told of, and why."""

from collections.abc import Iterable
from typing import Literal, get_args

from msgspec import Struct

Kind = Literal[
    "never-finalized",  # an upload that nobody made a post in time
    "unneeded-upload",  # one whose post has what it became, or is deleted, or that was aborted
    "abandoned-parts",  # a multipart that nobody can complete any more
    "unneeded-media",  # what an original became, and no post needs any more
    "orphan",  # the same, where nothing but a reconcile led to it
    "stuck",  # a post that waits for its media, and whose event was lost on the way: said again
    "dangling",  # a post that is ready, and objects of which are gone: only told of
    "unknown",  # an object that nothing of ours put there: only told of
]
KINDS: tuple[Kind, ...] = get_args(Kind)
TOLD: frozenset[Kind] = frozenset({"stuck", "dangling", "unknown"})


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that a sweep found; of what goes, how many objects, and their bytes."""

    kind: Kind
    of: str  # a key, a root of keys, or a post
    why: str
    objects: int = 0
    size_bytes: int = 0

    @property
    def goes(self) -> bool:
        """Whether it is removed."""
        return self.kind not in TOLD


def bytes_of(findings: Iterable[Finding]) -> int:
    """How many bytes go."""
    return sum(one.size_bytes for one in findings if one.goes)
