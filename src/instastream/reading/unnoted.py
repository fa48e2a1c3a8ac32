"""Likes that could not be noted in Redis, which their users see all the same: decision 28."""

from collections import OrderedDict

from instastream.ids import UserId
from instastream.limits import PENDING_LENGTH
from instastream.stores.counts import Pending

USERS_MAX = 10_000  # the latest of one process: 200 MB at most, if all of them like all the time


class Unnoted:
    """What users told this process while Redis was away, the latest of each."""

    def __init__(self) -> None:
        self._said: OrderedDict[UserId, tuple[Pending, ...]] = OrderedDict()

    def add(self, user_id: UserId, pending: Pending) -> None:
        """One more; who said nothing for longest is forgotten where there are too many."""
        self._said[user_id] = (*self.of(user_id), pending)[-PENDING_LENGTH:]
        self._said.move_to_end(user_id)
        if len(self._said) > USERS_MAX:
            self._said.popitem(last=False)

    def of(self, user_id: UserId | None) -> tuple[Pending, ...]:
        """In the order in which it was said."""
        return self._said.get(user_id, ()) if user_id else ()
