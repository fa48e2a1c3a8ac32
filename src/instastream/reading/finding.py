"""One post that somebody asks for, as this process knows it."""

from typing import NamedTuple

from instastream.access import no_such_post
from instastream.errors import Rejected
from instastream.ids import PostId, UserId
from instastream.reading.known import Known, Shown
from instastream.visibility import sees


class Found(NamedTuple):
    """A post, and what is counted of it as its viewer sees it: the end of its JSON."""

    shown: Shown
    numbers: bytes


async def read_post(post_id: PostId, viewer: UserId, *, size: str, known: Known) -> Found:
    """A post that a viewer may see; raises Rejected("post-not-found")."""
    known, looked = await known.look_for(viewer)
    shown = await _visible(post_id, viewer, size, known)
    subjects: dict[str, int] = {post_id: shown.like_shards}
    [numbers] = await known.engagement.json(viewer, subjects, looked.pending)
    return Found(shown, numbers)


async def find(post_id: PostId, viewer: UserId, known: Known) -> Shown:
    """As `read_post`, without what is counted."""
    known, _ = await known.look_for(None)
    return await _visible(post_id, viewer, known.sizes[0], known)


async def find_ready(post_id: PostId, viewer: UserId, known: Known) -> Shown:
    """A post that others see, too; raises also Rejected("post-not-ready"), to its author."""
    shown = await find(post_id, viewer, known)
    if not shown.ready:
        raise Rejected("post-not-ready", f"your post {post_id} is not ready: nobody else sees it")
    return shown


async def _visible(post_id: PostId, viewer: UserId, size: str, known: Known) -> Shown:
    shown = (await known.shown([post_id], size)).get(post_id)
    if shown is not None:
        author = await known.users.get(shown.author_id)
        relations = (await known.circle(viewer)).relations
        if author is not None and sees(viewer, author, relations, is_ready=shown.ready):
            return shown
    raise no_such_post(post_id)
