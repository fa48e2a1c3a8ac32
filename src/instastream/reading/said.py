"""What users told one process that they like, whatever becomes of the notes of it: decision 28."""

from collections import OrderedDict

from instastream.ids import UserId
from instastream.limits import PENDING_LENGTH
from instastream.stores.counts import Pending

USERS_MAX = 10_000  # the latest of one process: 2 kB each of eight likes, 26 kB of the most


class Said:
    """The latest of each user, as Redis has it too unless it is away, or has lost its memory."""

    def __init__(self) -> None:
        self._by_user: OrderedDict[UserId, tuple[Pending, ...]] = OrderedDict()

    def add(self, user_id: UserId, pending: Pending) -> None:
        """One more; who said nothing for longest is forgotten where there are too many."""
        self._by_user[user_id] = (*self.of(user_id), pending)[-PENDING_LENGTH:]
        self._by_user.move_to_end(user_id)
        if len(self._by_user) > USERS_MAX:
            self._by_user.popitem(last=False)

    def of(self, user_id: UserId | None) -> tuple[Pending, ...]:
        """In the order in which it was said."""
        return self._by_user.get(user_id, ()) if user_id else ()
