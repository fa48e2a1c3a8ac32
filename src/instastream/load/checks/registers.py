"""What is so or not so, as far as operations that overlap, or whose end nobody knows, can tell."""

from math import inf
from typing import NamedTuple

from msgspec import Struct

KEPT = 32  # changes of one register, until those that decide nothing any more are forgotten
OPEN_MS_MAX = 120_000.0  # longer than any operation waits for its answer


class Change(Struct, gc=False):
    """An operation that made something so or not so, at some moment within its time."""

    value: bool
    began: float  # Unix milliseconds
    ended: float = inf  # infinite where nobody knows whether it still comes
    sure: bool = False  # that it happened, if it has ended


class Truth(NamedTuple):
    """What can be so; where it `must`, nothing else can."""

    may: bool
    must: bool

    @property
    def known(self) -> bool:
        """Whether there is only one answer."""
        return self.may == self.must


NEVER, EVER = Truth(may=False, must=False), Truth(may=True, must=True)
KNOWN = {False: NEVER, True: EVER}


class Register:
    """One such thing, not so at first, and what may have changed it.

    Of two changes that do not overlap the later one is right; of others, either.
    """

    __slots__ = ("_changes", "_forget_at", "_is_new")

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._is_new = True  # no change that decides something was forgotten
        self._forget_at = KEPT

    def begin(self, *, value: bool, at_ms: float) -> Change:
        """An operation that would make it so, or not so."""
        if len(self._changes) >= self._forget_at:
            self._forget(at_ms - OPEN_MS_MAX)
        change = Change(value, at_ms)
        self._changes.append(change)
        return change

    def drop(self, change: Change) -> None:
        """It surely changed nothing."""
        self._changes = [one for one in self._changes if one is not change]

    def during(self, since: float, until: float) -> Truth:
        """What it can have been at any moment of a time that is at most `OPEN_MS_MAX` ago."""
        if not self._changes and self._is_new:
            return NEVER
        if len(self._changes) == 1 and self._changes[0].sure and self._changes[0].ended < since:
            return KNOWN[self._changes[0].value]  # as it mostly is
        settled = self._settled(since)
        values = {one.value for one in self._changes if one.began <= until and one.ended >= settled}
        if settled == -inf and self._is_new:
            values.add(False)
        return Truth(may=True in values, must=False not in values)

    def finally_(self) -> Truth:
        """What it can be when all has come to rest."""
        return self.during(inf, inf)

    def held_since(self) -> float:
        """From when on it surely was so without a break; infinite where that is not sure."""
        taken_back = max((one.ended for one in self._changes if not one.value), default=-inf)
        holding = (one for one in self._changes if one.value and one.sure)
        return min((one.ended for one in holding if one.began > taken_back), default=inf)

    def _settled(self, since: float) -> float:
        """When the last change began that was over by then: what ended before it is past."""
        sure = (one.began for one in self._changes if one.sure and one.ended < since)
        return max(sure, default=-inf)

    def _forget(self, since: float) -> None:
        settled = self._settled(since)
        if settled > -inf:
            self._changes = [one for one in self._changes if one.ended >= settled]
            self._is_new = False
        self._forget_at = max(KEPT, 2 * len(self._changes))
