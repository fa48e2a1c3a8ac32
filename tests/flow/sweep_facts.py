"""What is so in a world of posts and sweeps, and what must hold in it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from instastream import media
from instastream.events import Event, MediaFailed, MediaReady, PostDeleted, UploadFinalized
from instastream.handlers.ledger import LEDGER
from instastream.handlers.media import MEDIA
from instastream.handlers.posts import POSTS
from instastream.ids import MediaId, PostId
from instastream.limits import STUCK_S, UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.stores.uploads import ABORTED
from instastream.uploads import is_original, original_key
from tests.conftest import IN_MEMORY
from tests.flow.interleaving import PROCESS
from tests.flow.sweep_stores import Blobs, Log
from tests.flow.upload_world import AUTHOR

GRACE_S = 600
OVER_S = UPLOAD_TTL_S + UPLOAD_GRACE_S
APPS = {"media": MEDIA, "posts": POSTS, "ledger": LEDGER}
WRITTEN = ("blobs", "uploads", "posts", "log", "ledger")

Place = tuple[str, str, int]  # an app, a topic, an offset
Event_ = TypeVar("Event_", bound=Event)


class Facts:
    """The stores of a world, and its clock."""

    log: Log
    blobs: Blobs
    stores: dict[str, Any]
    now_ms: int

    def __init__(self) -> None:
        self.checked = True
        self.contents: dict[MediaId, bytes] = {}
        self.roots: dict[MediaId, str] = {}
        self.done: set[Place] = set()
        self.sweepers: dict[int, set[PostId]] = {}  # and what was settled when each began
        self.said_ms: dict[MediaId, int] = defaultdict(int)  # when a sweep announced it

    # What is so

    def said(self, kind: type[Event_]) -> list[Event_]:
        """All events of a kind."""
        return [one for one in self.log.topics.get(kind.topic, {}).get(0, []) if type(one) is kind]

    def live(self, kind: type[Any]) -> Iterator[Any]:
        """Those of posts that nobody deleted."""
        deleted = {event.post_id for event in self.said(PostDeleted)}
        return (event for event in self.said(kind) if event.post_id not in deleted)

    def settled(self) -> set[PostId]:
        """Posts that are not processing, as everyone knows who asks."""
        posts = self.stores["posts"]
        waiting = {one for one in posts.finalized if posts._post(one).status == "processing"}
        return {*posts.finalized, *posts.deleted} - waiting

    def undone(self) -> list[Place]:
        topics = self.log.topics
        return [
            place
            for app, handlers in APPS.items()
            for topic in {kind.topic for kind in handlers}
            for offset, event in enumerate(topics.get(topic, {}).get(0, []))
            if type(event) in handlers and (place := (app, topic, offset)) not in self.done
        ]

    def written(self) -> str:
        """All that the stores hold; not what was only asked for, which leaves an empty entry."""
        held = {name: vars(self.stores[name]) for name in WRITTEN}
        return repr([(name, key, _full(one)) for name in held for key, one in held[name].items()])

    # What must hold

    def check_what_is_live(self) -> None:
        """What a live post shows is there, and its original until it shows something."""
        if not self.checked:
            return
        shown = {event.media_id for event in self.said(MediaReady)}
        for event in self.live(MediaReady):
            for one in event.variants:
                assert one.key in self.blobs.objects, f"{event.post_id} lacks {one.key}"
        for event in self.live(UploadFinalized):
            if event.media_id not in shown:
                assert self._has_original(event), f"the original of {event.post_id} is lost"

    def _has_original(self, event: UploadFinalized) -> bool:
        kept = f"originals/{self.roots[event.media_id]}/"
        own = original_key(event.author_id, event.media_id)
        return any(key == own or key.startswith(kept) for key in self.blobs.objects)

    def check_deletion(self, keys: Sequence[str]) -> None:
        """A sweep deletes nothing that was put, or shown by somebody's post, within its grace."""
        if PROCESS.get() not in self.sweepers:
            return
        ended_ms = {event.post_id: event.at_ms for event in self.said(PostDeleted)}
        for key in filter(self.blobs.objects.__contains__, keys):
            age_s = (self.now_ms - self.blobs.modified_ms[key]) / 1000
            assert age_s >= (OVER_S if is_original(key) else GRACE_S), f"{key} is {age_s} s old"
            for event in self.said(MediaReady):
                folder = event.variants[0].key.rpartition("/")[0]
                if key == media.kept_key(folder) or key.startswith(f"{folder}/"):
                    since_s = (self.now_ms - ended_ms.get(event.post_id, self.now_ms)) / 1000
                    assert since_s >= GRACE_S, f"{key} was shown {since_s} s ago"

    def check_announcement(self, event: Event) -> None:
        """A sweep says again, once in a while at most, what nobody has answered or taken back."""
        process = PROCESS.get()
        if process in self.sweepers and isinstance(event, UploadFinalized):
            assert event.post_id not in self.sweepers[process], f"{event.post_id} was settled"
            assert self.now_ms - self.said_ms[event.media_id] >= STUCK_S * 1000, "said just now"
            self.said_ms[event.media_id] = self.now_ms

    def check_what_is_left(self) -> None:
        """Nothing waits, and nothing is left that no live post needs.

        What is of a failed post may wait: nothing becomes of it, and it goes when that is deleted.
        """
        ready = {event.media_id for event in self.live(MediaReady)}
        failed = {event.media_id for event in self.live(MediaFailed)} - ready
        waiting = [one for one in self.live(UploadFinalized) if one.media_id not in ready | failed]
        posts = self.stores["posts"]
        assert {posts._post(one.post_id).status for one in waiting} <= {"failed"}
        failed |= {one.media_id for one in waiting}
        roots = {media.root_of_key(event.variants[0].key) for event in self.live(MediaReady)}
        kept = {original_key(AUTHOR, media_id) for media_id in failed | self._half_claimed()}
        for key in self.blobs.objects:
            root = media.root_of_key(key.removeprefix("originals/"))
            assert root in roots or key in kept, f"{key} was left"
        assert {original_key(AUTHOR, media_id) for media_id in failed} <= self.blobs.objects.keys()
        ledger = self.stores["ledger"]
        for event in self.said(PostDeleted):
            assert ledger.by_post[event.post_id] & ledger.referred <= ledger.released

    def _half_claimed(self) -> set[MediaId]:
        """Claimed for a post that never came, as another media of it was another post's by then."""
        said = {event.media_id for event in self.said(UploadFinalized)}
        uploads = self.stores["uploads"].uploads.values()
        claimed = {one.media_id for one in uploads if one.claim not in (None, ABORTED)}
        return claimed - said


def root_of(content: bytes) -> str:
    return media.root_of(media.digest_of(content, IN_MEMORY.media_key), private=False)


def _full(value: object) -> object:
    return {key: one for key, one in value.items() if one} if isinstance(value, dict) else value
