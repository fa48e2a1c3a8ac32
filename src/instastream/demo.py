"""The main job, as its users do it: photographs from upload to followers' feeds and the edge."""

import asyncio
import itertools
import secrets
from collections.abc import Callable
from importlib.resources import files

from httpx2 import AsyncClient, Limits
from msgspec import Struct

from instastream.client import TIMEOUT_S, Client, Json
from instastream.deps import now_ms
from instastream.errors import InstastreamError
from instastream.events import MediaReady
from instastream.log import EventLog

USERNAMES = ("north", "east", "south", "west")
VISIBLE_TIMEOUT_S = 60.0  # far more than a dozen photographs take on one slow core
POLL_S = 0.01
TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}

Report = Callable[[str, int, int], None]  # step, done, total


class Photo(Struct, frozen=True):
    """A photograph to post."""

    name: str
    content: bytes
    content_type: str


class Posted(Struct, kw_only=True):
    """One post, and when it reached each stage, in milliseconds after its finalize was sent."""

    photo: str
    author: str
    uploaded_bytes: int
    finalized_ms: int  # Unix
    post: Json
    rendered_ms: int = 0  # the worker announced it
    ready_ms: int = 0  # its author sees every variant
    visible_ms: int = 0  # every follower's feed shows it
    edge: list[str] = []  # X-Cache of the first and second fetch


class FeedSeen(Struct, frozen=True):
    """What one reader saw, newest first."""

    reader: str
    photos: list[str]


class Summary(Struct, frozen=True):
    """What the demo did and saw."""

    posts: list[Posted]
    feeds: list[FeedSeen]


def photographs() -> list[Photo]:
    """The photographs that come with the package."""
    names = sorted(entry.name for entry in files("instastream.photos").iterdir())
    return [
        Photo(name, files("instastream.photos").joinpath(name).read_bytes(), TYPES[suffix])
        for name in names
        if (suffix := name.rpartition(".")[2]) in TYPES
    ]


async def run_demo(api: str, log: EventLog, report: Report) -> Summary:
    """Run it on a running system; raises InstastreamError when anything is not as it should be."""
    async with AsyncClient(
        base_url=api, timeout=TIMEOUT_S, limits=Limits(max_connections=32)
    ) as http:
        users = await _join_all(http, report)
        posts = await _post_all(users, photographs(), report)
        await _see_all(posts, users, report)
        for one in posts:
            one.edge = [await _fetch(http, one), await _fetch(http, one)]
            report("fetched through the edge, twice", posts.index(one) + 1, len(posts))
        rendered_ms = await _rendered(log)
        for one in posts:
            one.rendered_ms = rendered_ms[one.post["id"]] - one.finalized_ms
        return Summary(posts, [await _seen(name, user, posts) for name, user in users.items()])


async def _join_all(http: AsyncClient, report: Report) -> dict[str, Client]:
    """Everyone joins, follows everyone else and looks at a feed that is still empty."""
    suffix = secrets.token_hex(3)
    users: dict[str, Client] = {}
    for name in USERNAMES:
        users[name] = await Client.joined(http, f"{name}_{suffix}", secrets.token_urlsafe(12))
        report("users joined", len(users), len(USERNAMES))
    for user in users.values():
        for other in users.values():
            if other is not user:
                await user.follow(other.user_id)
        await user.feed()
    return users


async def _post_all(users: dict[str, Client], photos: list[Photo], report: Report) -> list[Posted]:
    """Everyone uploads and finalizes their share of the photographs, all at once."""
    authors = itertools.cycle(users.items())
    posts: list[Posted] = []

    async def post(photo: Photo, author: str, user: Client) -> None:
        uploaded = await user.upload(photo.content, photo.content_type)
        finalized_ms = now_ms()
        post = await user.finalize(uploaded.media_id, caption=f"{photo.name}, by {author}")
        posts.append(
            Posted(
                photo=photo.name,
                author=author,
                uploaded_bytes=uploaded.size_bytes,
                finalized_ms=finalized_ms,
                post=post,
            )
        )
        report("photographs uploaded and finalized", len(posts), len(photos))

    await asyncio.gather(
        *(post(photo, *author) for photo, author in zip(photos, authors, strict=False))
    )
    return posts


async def _see_all(posts: list[Posted], users: dict[str, Client], report: Report) -> None:
    """Look until every post is ready and in the feed of every follower."""
    deadline_ms = now_ms() + VISIBLE_TIMEOUT_S * 1000
    while waiting := [one for one in posts if not one.visible_ms]:
        if now_ms() > deadline_ms:
            raise InstastreamError(f"not visible yet: {', '.join(one.photo for one in waiting)}")
        feeds = {name: await _feed_ids(user) for name, user in users.items()}
        for one in waiting:
            await _look(one, users[one.author], feeds)
        visible = sum(1 for one in posts if one.visible_ms)
        report("posts visible in every follower's feed", visible, len(posts))
        await asyncio.sleep(POLL_S)


async def _look(one: Posted, author: Client, feeds: dict[str, list[str]]) -> None:
    post_id = one.post["id"]
    if not one.ready_ms:
        one.post = await author.post(post_id)
        if one.post["status"] == "failed":
            raise InstastreamError(f"{one.photo} failed: {one.post['failure']['detail']}")
        one.ready_ms = now_ms() - one.finalized_ms if one.post["status"] == "ready" else 0
    followers = [ids for name, ids in feeds.items() if name != one.author]
    if one.ready_ms and all(post_id in ids for ids in followers):
        one.visible_ms = now_ms() - one.finalized_ms


async def _feed_ids(user: Client) -> list[str]:
    return [post["id"] for post in (await user.feed(limit=100))["posts"]]


async def _fetch(http: AsyncClient, one: Posted) -> str:
    """Fetch a post's image as a browser would; says whether the edge had it."""
    image = one.post["image"]
    response = await http.get(image["url"])
    if response.status_code != 200 or len(response.content) != image["bytes"]:
        raise InstastreamError(f"the edge answered {response.status_code} for {image['url']}")
    return str(response.headers["x-cache"])


async def _rendered(log: EventLog) -> dict[str, int]:
    """When each post's media was announced ready, in Unix milliseconds."""
    records = [record async for record in log.read("media")]
    events = [record.event for record in records if isinstance(record.event, MediaReady)]
    return {event.post_id: event.at_ms for event in reversed(events)}


async def _seen(name: str, user: Client, posts: list[Posted]) -> FeedSeen:
    photos = {one.post["id"]: one.photo for one in posts}
    return FeedSeen(name, [photos[post_id] for post_id in await _feed_ids(user)])
