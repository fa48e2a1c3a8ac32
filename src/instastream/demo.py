"""The main job, as its users do it: photographs and a video from upload to feeds and the edge."""

import asyncio
import itertools
import secrets
from collections.abc import Iterator
from importlib.resources import files
from urllib.parse import urljoin

from httpx2 import AsyncClient, HTTPError, Response
from msgspec import Struct, structs

from instastream.client import TIMEOUT_S, Client, Json
from instastream.deps import now_ms
from instastream.errors import InstastreamError
from instastream.events import MediaReady
from instastream.log import EventLog
from instastream.steps import Report

USERNAMES = ("north", "east", "south", "west")
STILL_TIMEOUT_S = 120  # far more than one photograph, or one percent, takes on one slow core
POLL_S = 0.01
TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
}


class Original(Struct, frozen=True):
    """A photograph or a video to post."""

    name: str
    content: bytes
    content_type: str


class Posted(Struct, kw_only=True):
    """One post, and when it reached each stage, in milliseconds after its finalize was sent."""

    name: str
    author: str
    uploaded_bytes: int
    finalized_ms: int  # Unix
    post: Json
    rendered_ms: int = 0  # the worker announced it
    ready_ms: int = 0  # its author sees every variant
    visible_ms: int = 0  # every follower's feed shows it
    edge: list[str] = []  # X-Cache of the first and second fetch of its image


class FeedSeen(Struct, frozen=True):
    """What one reader saw, newest first."""

    reader: str
    names: list[str]


class Summary(Struct, frozen=True):
    """What the demo did and saw; with a failure, as far as it came."""

    posts: list[Posted]
    feeds: list[FeedSeen]
    failure: str = ""
    report: str = ""  # the page of the load that followed


def originals() -> list[Original]:
    """What comes with the package: photographs, one of them once more, and a video."""
    photographs = list(_in("instastream.photos"))
    again = structs.replace(photographs[0], name=f"{photographs[0].name} again")
    return [*photographs, again, *_in("instastream.clips")]


def _in(package: str) -> Iterator[Original]:
    for entry in sorted(files(package).iterdir(), key=lambda entry: entry.name):
        if content_type := TYPES.get(entry.name.rpartition(".")[2]):
            yield Original(entry.name, entry.read_bytes(), content_type)


async def run_demo(api: str, log: EventLog, report: Report) -> Summary:
    """Run it on a running system; whatever is not as it should be is the summary's failure."""
    posts: list[Posted] = []
    try:
        async with AsyncClient(base_url=api, timeout=TIMEOUT_S, trust_env=False) as http:
            users = await _join_all(http, report)
            await _post_all(http, users, posts, report)
            await _like_all(users, posts, report)
            announced_ms = await announced(log)
            for one in posts:
                one.rendered_ms = announced_ms[one.post["id"]] - one.finalized_ms
            return Summary(posts, [await _seen(name, user, posts) for name, user in users.items()])
    except (InstastreamError, HTTPError) as error:
        return Summary(posts, [], failure=str(error) or repr(error))


async def _post_all(
    http: AsyncClient, users: dict[str, Client], posts: list[Posted], report: Report
) -> None:
    """One after another, so that no stage of one waits for another's; fills `posts`."""
    to_post = originals()
    for original, author in zip(to_post, itertools.cycle(users), strict=False):
        one = await _post(original, author, users[author])
        await _watch(one, users)
        one.edge = [await _fetch(http, one), await _fetch(http, one)]
        posts.append(one)
        report("posts from upload to feeds", len(posts), len(to_post))


async def _like_all(users: dict[str, Client], posts: list[Posted], report: Report) -> None:
    """Every reader likes what they see, and says something about the newest; then all is counted.

    One's own like shows in the next read, counted or not; everyone's are counted in moments.
    """
    for done, user in enumerate(users.values(), start=1):
        seen = await _feed_ids(user)
        for post_id in seen:
            await user.like(post_id)
        await user.comment(seen[0], "The light in this one!")
        if not all(post["liked"] for post in (await user.feed(limit=100))["posts"]):
            raise InstastreamError("a reader's feed does not show their own likes")
        report("readers who like and comment", done, len(users))
    try:
        async with asyncio.timeout(STILL_TIMEOUT_S):
            while not _is_counted(posts, readers=len(users)):
                await asyncio.sleep(POLL_S)
                for one in posts:
                    one.post = await users[one.author].post(one.post["id"])
    except TimeoutError:
        raise InstastreamError(f"likes are not counted within {STILL_TIMEOUT_S} s") from None


def _is_counted(posts: list[Posted], *, readers: int) -> bool:
    """Each post's likes by all but its author, and a comment of each reader's."""
    said = sum(one.post["comment_count"] for one in posts)
    return said == readers and all(one.post["like_count"] == readers - 1 for one in posts)


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


async def _post(original: Original, author: str, user: Client) -> Posted:
    uploaded = await user.upload(original.content, original.content_type)
    finalized_ms = now_ms()
    return Posted(
        name=original.name,
        author=author,
        uploaded_bytes=uploaded.size_bytes,
        finalized_ms=finalized_ms,
        post=await user.finalize(uploaded.media_id, caption=f"{original.name}, by {author}"),
    )


async def _watch(one: Posted, users: dict[str, Client]) -> None:
    """Look until the post is ready and in the feed of every follower, for as long as it moves."""
    post_id, loop = one.post["id"], asyncio.get_running_loop()
    try:
        async with asyncio.timeout(STILL_TIMEOUT_S) as limit:
            while one.post["status"] == "processing":
                await asyncio.sleep(POLL_S)
                before = _how_far(one)
                one.post = await users[one.author].post(post_id)
                if _how_far(one) != before:
                    limit.reschedule(loop.time() + STILL_TIMEOUT_S)
            one.ready_ms = now_ms() - one.finalized_ms
            if one.post["status"] == "failed":
                raise InstastreamError(f"{one.name} failed: {one.post['failure']['detail']}")
            for name, follower in users.items():
                while name != one.author and post_id not in await _feed_ids(follower):
                    await asyncio.sleep(POLL_S)
            one.visible_ms = now_ms() - one.finalized_ms
    except TimeoutError:
        raise InstastreamError(
            f"{one.name} is not in every follower's feed, and nothing has moved for "
            f"{STILL_TIMEOUT_S} s: {_how_far(one)}"
        ) from None


def _how_far(one: Posted) -> str:
    """Of a video, with percents."""
    percent = one.post["media"][0]["percent"]
    status = str(one.post["status"])
    return status if percent is None else f"{status}, {percent:.0f} %"


async def _feed_ids(user: Client) -> list[str]:
    return [post["id"] for post in (await user.feed(limit=100))["posts"]]


async def _fetch(http: AsyncClient, one: Posted) -> str:
    """Fetch a post's image as a browser would; says whether the edge had it."""
    [media] = one.post["media"]
    image = await _fetch_url(http, media["image"]["url"])
    if len(image.content) != media["image"]["bytes"]:
        raise InstastreamError(f"the edge cut {media['image']['url']} short")
    if media["video"]:
        await _play(http, media["video"]["url"])
    return str(image.headers["x-cache"])


async def _play(http: AsyncClient, master: str) -> None:
    """Fetch a video's smallest rung as a player would: playlists first, then every segment."""
    playlist = urljoin(master, _uris(await _fetch_url(http, master))[-1])
    for uri in _uris(await _fetch_url(http, playlist)):
        await _fetch_url(http, urljoin(playlist, uri))


def _uris(playlist: Response) -> list[str]:
    return [line for line in playlist.text.splitlines() if line and not line.startswith("#")]


async def _fetch_url(http: AsyncClient, url: str) -> Response:
    response = await http.get(url)
    if response.status_code != 200:
        raise InstastreamError(f"the edge answered {response.status_code} for {url}")
    return response


async def announced(log: EventLog) -> dict[str, int]:
    """When each post's media was announced ready, in Unix milliseconds."""
    records = [record async for record in log.read("media")]
    events = [record.event for record in records if isinstance(record.event, MediaReady)]
    return {event.post_id: event.at_ms for event in reversed(events)}


async def _seen(name: str, user: Client, posts: list[Posted]) -> FeedSeen:
    names = {one.post["id"]: one.name for one in posts}
    return FeedSeen(name, [names[post_id] for post_id in await _feed_ids(user)])
