"""How far the transcodes under way are: shown on posts, and of no use an hour later."""

from typing import Protocol

from instastream.ids import MediaId

TRANSCODE_TTL_S = 3_600  # since the last report; one that crashed is repeated long before


class Transcodes(Protocol):
    """Percent by media. Losing one loses a number on a screen."""

    async def record(self, media_id: MediaId, percent: float) -> None:
        """So much is done, from 0 to 100; said twice a second."""

    async def read(self, media_ids: list[MediaId]) -> dict[MediaId, float]:
        """Percent of those that have been reported within `TRANSCODE_TTL_S`."""
