"""An exact system in memory, as its users see it: what load would be put on."""

from collections.abc import Callable
from typing import Any

from httpx2 import ASGITransport, AsyncClient
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
FIRST_ID = 1_000_000_000_000_000_000


class Post(Struct):
    """A post as it is."""

    author: str
    poison: bool = False
    ready: bool = False
    deleted: bool = False

    @property
    def status(self) -> str:
        """As the API says it."""
        if self.poison and self.ready:
            return "failed"
        return "ready" if self.ready else "processing"


class World:
    """Who is there, what they posted, and what of it is in whose feed."""

    def __init__(self, users: list[str]) -> None:
        self.users = users
        self.private: set[str] = set()
        self.follows: set[tuple[str, str]] = set()
        self.posts: dict[str, Post] = {}
        self.likes: set[tuple[str, str]] = set()
        self.comments: dict[str, str] = {}  # what is said of which post
        self.lists: dict[str, set[str]] = {user: set() for user in users}
        self._minted = 0

    def mint(self) -> str:
        """An id above all others."""
        self._minted += 1
        return str(FIRST_ID + self._minted)

    def follow(self, reader: str, author: str) -> int:
        """Answers 204, or 202 where it is a request that nobody answers."""
        if author in self.private and (reader, author) not in self.follows:
            return 202
        self.follows.add((reader, author))
        return 204

    def settle(self, reader: str, author: str) -> None:
        """What a worker does about a follow, late."""
        if (reader, author) in self.follows:
            self.lists[reader].update(self.timeline_ids(author, author))

    def become_ready(self, post_id: str) -> None:
        """Rendered, or failed; and pushed."""
        post = self.posts[post_id]
        post.ready = True
        for reader, author in self.follows:
            if author == post.author:
                self.lists[reader].add(post_id)

    def sees(self, viewer: str, post_id: str) -> bool:
        """Whether someone may see a post."""
        post = self.posts.get(post_id)
        if post is None or post.deleted:
            return False
        if post.author == viewer:
            return True
        let_in = post.author not in self.private or (viewer, post.author) in self.follows
        return post.status == "ready" and let_in

    def shown(self, viewer: str, post_id: str) -> Json:
        """A post as the API shows it."""
        post = self.posts[post_id]
        return {
            "id": post_id,
            "author_id": post.author,
            "status": post.status,
            "like_count": sum(liked == post_id for _, liked in self.likes),
            "comment_count": sum(of == post_id for of in self.comments.values()),
            "liked": (viewer, post_id) in self.likes,
        }

    def feed_ids(self, viewer: str) -> list[str]:
        """What is in someone's feed, newest first."""
        return [
            post_id
            for post_id in sorted(self.lists[viewer], reverse=True)
            if self.sees(viewer, post_id) and (viewer, self.posts[post_id].author) in self.follows
        ]

    def timeline_ids(self, viewer: str, author: str) -> list[str]:
        """What someone sees of an author's posts, newest first."""
        mine = (post_id for post_id, post in self.posts.items() if post.author == author)
        return sorted(filter(lambda post_id: self.sees(viewer, post_id), mine), reverse=True)

    def page(self, viewer: str, ids: list[str], *, cursor: str, limit: int) -> Json:
        """A page of a list."""
        rest = [post_id for post_id in ids if not cursor or post_id < cursor]
        shown = [self.shown(viewer, post_id) for post_id in rest[:limit]]
        return {"posts": shown, "next_cursor": shown[-1]["id"] if len(rest) > limit else None}


Tamper = Callable[[str, Json | None], Json | None]  # a path, and its answer or None: not found


def untouched(path: str, answer: Json | None) -> Json | None:
    """What an honest system answers."""
    return answer


def http_of(world: World, tamper: Tamper = untouched) -> AsyncClient:
    """The API of a world, where some answers may be tampered with; a token is a user's id."""

    def answer(request: Request, whole: Json | None) -> Response:
        changed = tamper(f"{viewer(request)} {request.url.path}", whole)
        return JSONResponse(changed) if changed else Response(status_code=404)

    def viewer(request: Request) -> str:
        return request.headers["authorization"].removeprefix("Bearer ")

    async def tokens(request: Request) -> Response:
        name = (await request.json())["username"]
        changed = tamper(f"{name} {request.url.path}", {"access_token": name})
        return JSONResponse(changed) if changed else Response(status_code=401)

    async def post(request: Request) -> Response:
        post_id, who = request.path_params["post_id"], viewer(request)
        return answer(request, world.shown(who, post_id) if world.sees(who, post_id) else None)

    async def page(request: Request) -> Response:
        who, author = viewer(request), request.path_params.get("user_id")
        ids = world.timeline_ids(who, author) if author else world.feed_ids(who)
        limit, cursor = int(request.query_params["limit"]), request.query_params.get("cursor", "")
        return answer(request, world.page(who, ids, cursor=cursor, limit=limit))

    routes = [
        Route("/v1/tokens", tokens, methods=["POST"]),
        Route("/v1/posts/{post_id}", post),
        Route("/v1/users/{user_id}/posts", page),
        Route("/v1/feed", page),
    ]
    return AsyncClient(transport=ASGITransport(Starlette(routes=routes)), base_url="http://world")
