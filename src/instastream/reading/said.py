"""What users told one process of likes, whatever becomes of the notes in Redis: decision 28."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from instastream.ids import UserId
from instastream.limits import PENDING_LENGTH, PENDING_TTL_S, SAID_USERS_MAX
from instastream.stores.counts import Pending


class Words(NamedTuple):
    """What one user said, oldest first, and until when it is kept."""

    until_ms: int
    pending: tuple[Pending, ...] = ()


NOTHING = Words(0)


class Said:
    """The latest of each user, kept as long as Redis would: far longer than counting is late."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._by_user: OrderedDict[UserId, Words] = OrderedDict()  # by when they end

    def add(self, user_id: UserId, pending: Pending) -> None:
        """One more; who said nothing for longest is forgotten where there are too many."""
        now_ms = self._now_ms()
        latest = (*self.of(user_id), pending)[-PENDING_LENGTH:]
        self._by_user.pop(user_id, None)
        self._by_user[user_id] = Words(now_ms + PENDING_TTL_S * 1000, latest)
        while len(self._by_user) > SAID_USERS_MAX or self._ends_ms <= now_ms:
            self._by_user.popitem(last=False)

    def of(self, user_id: UserId | None) -> tuple[Pending, ...]:
        """In the order in which it was said."""
        words = self._by_user.get(user_id, NOTHING) if user_id else NOTHING
        return words.pending if words.until_ms > self._now_ms() else ()

    @property
    def _ends_ms(self) -> int:
        """When the first of them ends."""
        return next(iter(self._by_user.values())).until_ms
