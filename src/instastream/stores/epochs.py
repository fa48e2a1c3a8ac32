"""Which life of a topic its offsets are of: versions of a new life are above all of the old."""

from typing import Protocol


class Epochs(Protocol):
    """Epochs of topics whose offsets date what is written."""

    async def of(self, topic: str) -> int:
        """The epoch of a topic; raises Unready where the topic was made anew, or repartitioned,
        and nobody said so: what is counted would be wrong. Asked moments ago, it may be known.
        """

    async def confirm(self, topic: str) -> None:
        """Ask now, whatever was known: what was read of the topic before is of its epoch.

        Raises as `of` does, and Unavailable where nobody answers.
        """


class NoEpochs:
    """Of a log that lives once, in memory."""

    async def of(self, topic: str) -> int:
        """The first."""
        return 0

    async def confirm(self, topic: str) -> None:
        """There is no other."""
