"""What is shown of users: profiles, who follows whom, who likes what; and being private."""

import asyncio
from collections.abc import Sequence, Set
from functools import partial
from typing import Protocol, TypeAlias

from msgspec import Struct

from instastream.access import check_account, existing_user, find_post, find_user
from instastream.deps import Deps
from instastream.events import ProfileChanged
from instastream.handlers.graph import record_changed
from instastream.ids import PostId, UserId
from instastream.relations import Relations, WallKind
from instastream.stores.users import User
from instastream.visibility import hindrance
from instastream.walking import Step, Walked, walk


class Fetch(Protocol):
    """A list, page by page."""

    async def __call__(self, *, after: str, limit: int) -> list[UserId]:
        """Up to `limit` that come after `after`."""


class Profile(Struct, frozen=True, kw_only=True):
    """Someone as a viewer sees them; `relations` are the viewer's to them, None to oneself."""

    user: User
    followers_count: int
    following_count: int
    is_visible: bool  # their posts, and whom they follow, and who follows them
    relations: Relations | None


People: TypeAlias = Walked[str, User]  # some users, in the order of a list


async def look_at(user_id: UserId, viewer: UserId, deps: Deps) -> Profile:
    """A profile: everyone sees it but those whom they block."""
    (user, relations), followers_count, following_count = await asyncio.gather(
        find_user(user_id, viewer, deps),
        deps.graph.followers_count(user_id),
        deps.graph.followees_count(user_id),
    )
    return Profile(
        user=user,
        followers_count=followers_count,
        following_count=following_count,
        is_visible=hindrance(viewer, user, relations) is None,
        relations=None if user_id == viewer else relations,
    )


async def change(user_id: UserId, *, private: bool, deps: Deps) -> Profile:
    """Make an account private, or public; who follows goes on to."""
    await existing_user(user_id, deps)
    event = ProfileChanged(user_id=user_id, private=private, at_ms=deps.now_ms())
    await record_changed(await deps.log.append(event), deps)
    return await look_at(user_id, user_id, deps)


async def followers(
    user_id: UserId, viewer: UserId, *, after: str, limit: int, deps: Deps
) -> People:
    """Who follows someone whose account the viewer may see."""
    await check_account(user_id, viewer, deps)
    fetch = partial(deps.graph.followers_page, user_id)
    return await _people(fetch, viewer, after=after, limit=limit, deps=deps)


async def followees(
    user_id: UserId, viewer: UserId, *, after: str, limit: int, deps: Deps
) -> People:
    """Whom someone follows whose account the viewer may see."""
    await check_account(user_id, viewer, deps)
    fetch = partial(deps.graph.followees_page, user_id)
    return await _people(fetch, viewer, after=after, limit=limit, deps=deps)


async def likers(post_id: PostId, viewer: UserId, *, before: str, limit: int, deps: Deps) -> People:
    """Who likes a post, newest first, from below a place on; without those who block the viewer.

    Raises Rejected("post-not-found").
    """
    post = await find_post(post_id, viewer, deps)

    async def read(before: str, count: int) -> Step[str, User]:
        listed = await deps.likes.newest(post_id, post.like_shards, before=int(before), limit=count)
        ids = [UserId(one.member) for one in listed]
        places = [str(one.place) for one in listed]
        return await _step(ids, places, viewer, more=len(listed) == count, deps=deps)

    return await walk(read, after=before, limit=limit)


async def requests(user_id: UserId, *, after: str, limit: int, deps: Deps) -> People:
    """Who asks to follow."""
    fetch = partial(deps.graph.requests_page, user_id)
    return await _people(fetch, user_id, after=after, limit=limit, deps=deps)


async def walled(user_id: UserId, kind: WallKind, *, after: str, limit: int, deps: Deps) -> People:
    """Whom someone blocks, or mutes: also who blocks them in turn."""
    fetch = partial(deps.graph.walls_page, user_id, kind)
    return await _people(fetch, None, after=after, limit=limit, deps=deps)


async def _people(
    fetch: Fetch, viewer: UserId | None, *, after: str, limit: int, deps: Deps
) -> People:
    """A page without those who block the viewer."""

    async def read(after: str, count: int) -> Step[str, User]:
        ids = await fetch(after=after, limit=count)
        return await _step(ids, ids, viewer, more=len(ids) == count, deps=deps)

    return await walk(read, after=after, limit=limit)


async def _step(
    ids: Sequence[UserId],
    places: Sequence[str],
    viewer: UserId | None,
    *,
    more: bool,
    deps: Deps,
) -> Step[str, User]:
    """Of these users, each at a place of the list, those who joined and don't block the viewer."""
    users, hidden = await asyncio.gather(deps.users.get_all(ids), _who_block(viewer, ids, deps))
    shown = [
        (place, users[user_id])
        for place, user_id in zip(places, ids, strict=True)
        if user_id in users and user_id not in hidden
    ]
    return Step(shown, places[-1] if more else None)


async def _who_block(viewer: UserId | None, ids: Sequence[UserId], deps: Deps) -> Set[UserId]:
    if viewer is None:
        return frozenset()
    return (await deps.graph.relations(viewer, among=set(ids))).blocked_by
