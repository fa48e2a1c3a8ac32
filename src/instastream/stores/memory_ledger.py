"""The ledger in memory: the same contract, nothing durable."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from instastream.errors import Corrupt
from instastream.ids import PostId
from instastream.media import Outcome
from instastream.stores.ledger import Due, Generations, PostReferences, Reference


@dataclass
class MemoryLedger:
    """Claims, generations, references and the due list in dicts and sets."""

    now_ms: Callable[[], int]
    claims: dict[str, tuple[str | Corrupt, int]] = field(default_factory=dict)
    current: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    outcomes: dict[str, dict[int, Outcome]] = field(default_factory=lambda: defaultdict(dict))
    referred: set[Reference] = field(default_factory=set)
    released: set[Reference] = field(default_factory=set)
    by_post: dict[PostId, set[Reference]] = field(default_factory=lambda: defaultdict(set))
    spared_ms: dict[str, int] = field(default_factory=dict)  # until when
    deleted: set[PostId] = field(default_factory=set)
    to_look_at: set[Due] = field(default_factory=set)
    _marks: "count[int]" = field(default_factory=count)

    async def claim(self, root: str, owner: str, *, ttl_s: int) -> bool:
        holder, end_ms = self.claims.get(root, (owner, 0))
        if holder != owner and self.now_ms() < end_ms:
            if isinstance(holder, Corrupt):
                raise Corrupt(holder.reason, str(holder))
            return False
        self.claims[root] = (owner, self.now_ms() + ttl_s * 1000)
        return True

    async def fail(self, root: str, owner: str, why: Corrupt, *, ttl_s: int) -> None:
        holder, end_ms = self.claims.get(root, ("", 0))
        if holder == owner and self.now_ms() < end_ms:
            self.claims[root] = (why, self.now_ms() + ttl_s * 1000)

    async def free(self, root: str, owner: str) -> None:
        if self.claims.get(root, ("", 0))[0] == owner:
            del self.claims[root]

    async def generations(self, root: str) -> Generations:
        return Generations(self.current[root], dict(self.outcomes[root]))

    async def keep(self, root: str, generation: int, outcome: Outcome) -> Outcome:
        return self.outcomes[root].setdefault(generation, outcome)

    async def condemn(self, root: str, generation: int) -> None:
        self.current[root] = max(self.current[root], generation + 1)

    async def forget(self, root: str, generation: int) -> None:
        kept = self.outcomes[root].items()
        self.outcomes[root] = {one: outcome for one, outcome in kept if one > generation}

    async def refer(self, post_id: PostId, reference: Reference) -> None:
        self.by_post[post_id].add(reference)
        self.referred.add(reference)

    async def release(self, reference: Reference) -> None:
        self.released.add(reference)

    async def is_referred(self, root: str) -> bool:
        return any(reference.root == root for reference in self.referred - self.released)

    async def spare(self, root: str, *, ttl_s: int) -> None:
        self.spared_ms[root] = self.now_ms() + ttl_s * 1000

    async def is_spared(self, root: str) -> bool:
        return self.now_ms() < self.spared_ms.get(root, 0)

    async def record_deleted(self, post_id: PostId) -> None:
        self.deleted.add(post_id)

    async def of_post(self, post_id: PostId) -> PostReferences:
        return PostReferences(post_id in self.deleted, sorted(self.by_post[post_id]))

    async def look_later(self, root: str, *, due_ms: int) -> None:
        self.to_look_at.add(Due(due_ms, root, str(next(self._marks))))

    async def due(self, now_ms: int, *, limit: int) -> list[Due]:
        return sorted(due for due in self.to_look_at if due.due_ms <= now_ms)[:limit]

    async def drop(self, due: Due) -> None:
        self.to_look_at.discard(due)
