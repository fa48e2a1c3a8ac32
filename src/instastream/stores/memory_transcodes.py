"""How far transcodes are, in memory."""

from dataclasses import dataclass, field

from instastream.ids import MediaId


@dataclass
class MemoryTranscodes:
    """Percent in a dict, for good."""

    percents: dict[MediaId, float] = field(default_factory=dict)

    async def record(self, media_id: MediaId, percent: float) -> None:
        self.percents[media_id] = round(percent, 1)

    async def read(self, media_ids: list[MediaId]) -> dict[MediaId, float]:
        return {i: self.percents[i] for i in media_ids if i in self.percents}
