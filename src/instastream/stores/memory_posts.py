"""Posts in memory, for unit and flow tests."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from instastream.events import (
    MediaFailed,
    MediaReady,
    PostDeleted,
    PostEdited,
    UploadFinalized,
)
from instastream.ids import OLDEST, PostId, UserId
from instastream.media import Outcome
from instastream.stores.posts import Failure, Media, Post


def _by_position() -> defaultdict[PostId, dict[int, Any]]:
    return defaultdict(dict)


@dataclass
class MemoryPosts:
    """Posts by the events that made them, each media's by its position."""

    finalized: dict[PostId, dict[int, UploadFinalized]] = field(default_factory=_by_position)
    ready: dict[PostId, dict[int, MediaReady]] = field(default_factory=_by_position)
    failed: dict[PostId, dict[int, MediaFailed]] = field(default_factory=_by_position)
    edited: dict[PostId, dict[int, PostEdited]] = field(default_factory=_by_position)  # by version
    deleted: set[PostId] = field(default_factory=set)
    pulled: set[UserId] = field(default_factory=set)  # authors

    async def record_finalized(self, event: UploadFinalized) -> None:
        self.finalized[event.post_id][event.position] = event

    async def record_ready(self, event: MediaReady) -> None:
        self.ready[event.post_id][event.position] = event

    async def record_failed(self, event: MediaFailed) -> None:
        self.failed[event.post_id][event.position] = event

    async def record_edited(self, event: PostEdited, *, version: int) -> None:
        self.edited[event.post_id][version] = event

    async def record_deleted(self, event: PostDeleted) -> None:
        self.deleted.add(event.post_id)

    async def record_celebrity(self, author_id: UserId) -> None:
        self.pulled.add(author_id)

    async def celebrities(self) -> list[UserId]:
        return sorted(self.pulled)

    async def get(self, post_ids: list[PostId]) -> dict[PostId, Post]:
        return {i: self._post(i) for i in post_ids if self.finalized.get(i)}

    async def all_ready(
        self, post_id: PostId, media_count: int, *, even_deleted: bool = False
    ) -> bool:
        if post_id in self.deleted and not even_deleted:
            return False
        return len(self.ready.get(post_id, {})) == media_count

    async def ids_after(self, place: str, *, limit: int) -> list[PostId]:
        known = {*self.finalized, *self.ready, *self.failed, *self.edited, *self.deleted}
        return sorted(post_id for post_id in known if post_id > place)[:limit]

    async def timeline(
        self, author_id: UserId, *, before: PostId, limit: int, above: PostId = OLDEST
    ) -> list[PostId]:
        by_post: list[dict[int, UploadFinalized] | dict[int, MediaReady]]
        by_post = [*self.finalized.values(), *self.ready.values()]
        ids = {e.post_id for post in by_post for e in post.values() if e.author_id == author_id}
        return sorted((i for i in ids - self.deleted if above < i < before), reverse=True)[:limit]

    def _post(self, post_id: PostId) -> Post:
        events = [event for _, event in sorted(self.finalized[post_id].items())]
        edits = [edit for _, edit in sorted(self.edited.get(post_id, {}).items())]
        captions = [edit.caption for edit in edits if edit.caption is not None]
        alt_texts = {said.position: said.text for edit in edits for said in edit.alt_texts}
        return Post(
            post_id=post_id,
            author_id=events[0].author_id,
            caption=[events[0].caption, *captions][-1],
            media=[self._media(e, alt_texts.get(e.position, e.alt_text)) for e in events],
            media_count=events[0].media_count,
            fanout=events[0].fanout,
            like_shards=events[0].like_shards,
            deleted=post_id in self.deleted,
        )

    def _media(self, event: UploadFinalized, alt_text: str) -> Media:
        ready = self.ready.get(event.post_id, {}).get(event.position)
        failed = self.failed.get(event.post_id, {}).get(event.position)
        return Media(
            position=event.position,
            media_id=event.media_id,
            content_type=event.content_type,
            alt_text=alt_text,
            rendered=Outcome.of(ready) if ready else None,
            failure=Failure(failed.reason, failed.detail) if failed else None,
        )
