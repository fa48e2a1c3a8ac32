"""Does the operations of a plan over HTTP, and writes down what was asked and what came of it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from instastream.client import Refused
from instastream.load.checks.histories import Entry, Kind, Phase, Seen
from instastream.load.jsonlines import Writer
from instastream.load.over_http.asking import Api, Person, understood
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.post_ids import PostIds
from instastream.load.over_http.wire import Json, Lost
from instastream.load.scenario.media import Original, original
from instastream.load.scenario.plans import NOBODY, NOTHING, Operation
from instastream.load.scenario.scenarios import Scenario

NEXT_PAGE_EVERY = 4  # of feeds that are read, one goes on where that user's last one ended
WITHOUT_POST = {"read_feed", "read_timeline", "follow", "unfollow", "post"}
Fields = dict[str, Any]


class Outcome(Struct, frozen=True):
    """What came of an operation: `problem` names what was wrong, shortly."""

    phase: Literal["ok", "failed", "unknown"]
    problem: str = ""


class Doer:
    """One process' part: `people` are all users, `posts` the ids of all posts, by number."""

    def __init__(
        self,
        scenario: Scenario,
        api: Api,
        people: list[Person],
        posts: PostIds,
        notes: Writer,
        clock: Clock,
    ) -> None:
        self.api = api
        self.people = people
        self.posts = posts
        self.clock = clock
        self._scenario = scenario
        self._notes = notes
        self._images: dict[str, str] = {}  # where the edge has a post's
        self._do: Mapping[str, Callable[[Operation, Person, Fields], Awaitable[Fields]]] = {
            "read_feed": self._read_feed,
            "read_timeline": self._read_timeline,
            "read_post": self._read_post,
            "fetch": self._fetch,
            "like": self._like,
            "unlike": self._like,
            "comment": self._comment,
            "follow": self._follow,
            "unfollow": self._follow,
            "post": self._post,
            "delete_post": self._delete_post,
        }

    async def do(self, operation: Operation, *, due_ms: float) -> Outcome:
        """Do it now, which nothing hinders; whatever the system answers is an outcome."""
        kind, op, person = operation.kind, operation.number, self.people[operation.user]
        asked = self._asked(operation, person)
        self.note("invoked", kind, op, due_ms, **asked)
        try:
            with understood():
                answered = await self._do[kind](operation, person, asked)
        except Refused as error:
            problem = str(error.problem.get("type", "")).rpartition("/")[2] or "no-problem"
            self.note("failed", kind, op, due_ms, status=error.status, problem=problem)
            return Outcome("failed", f"{error.status} {problem}")
        except Lost as error:
            self.note("unknown", kind, op, due_ms, error=str(error))
            return Outcome("unknown", str(error)[:60])
        self.note("ok", kind, op, due_ms, **answered)
        return Outcome("ok")

    def hindrance(self, operation: Operation) -> str:
        """Why it can't be begun, "" where it can: nobody knows the post that it is about."""
        if operation.kind in WITHOUT_POST:
            return ""
        is_known = operation.post != NOTHING and self.posts[operation.post]
        return "" if is_known else "no-subject"

    def leave(self, operation: Operation, why: str, *, due_ms: float) -> None:
        """Write down that it could not be begun."""
        self.note("unstarted", operation.kind, operation.number, due_ms, why=why)

    def note(self, phase: Phase, kind: Kind, op: int, due_ms: float, **fields: Any) -> None:
        """Write down what is so now."""
        at_ms = self.clock.now_ms()
        self._notes.write(
            Entry(phase=phase, at_ms=at_ms, op=op, kind=kind, due_ms=due_ms, **fields)
        )

    def _asked(self, operation: Operation, person: Person) -> Fields:
        """What is asked, with the ids that numbers stand for."""
        asked: Fields = {"user": person.id}
        if operation.other != NOBODY:
            asked["other"] = self.people[operation.other].id
        match operation.kind:
            case "post":
                return asked | {"poison": self._original(operation).poison}
            case "read_feed":
                is_next = operation.number % NEXT_PAGE_EVERY == 0 and person.cursor
                asked["limit"] = self._scenario.page_length
                return asked | ({"cursor": person.cursor} if is_next else {})
            case "read_timeline":
                return asked | {"limit": self._scenario.page_length}
            case "follow" | "unfollow":
                return asked
            case _:
                return asked | {"post": self.posts[operation.post]}

    async def _read_feed(self, operation: Operation, person: Person, asked: Fields) -> Fields:
        query = {name: asked[name] for name in ("limit", "cursor") if name in asked}
        page = await self.api.call(person, "GET", "/v1/feed", **query)
        person.cursor = str(page["next_cursor"] or "")
        return self._page(page)

    async def _read_timeline(self, operation: Operation, person: Person, asked: Fields) -> Fields:
        path = f"/v1/users/{asked['other']}/posts"
        return self._page(await self.api.call(person, "GET", path, limit=asked["limit"]))

    async def _read_post(self, operation: Operation, person: Person, asked: Fields) -> Fields:
        post = await self.api.call(person, "GET", f"/v1/posts/{asked['post']}")
        return {"seen": [self._seen(post)]}

    async def _fetch(self, operation: Operation, person: Person, asked: Fields) -> Fields:
        post_id = asked["post"]
        if post_id not in self._images:
            self._seen(await self.api.call(person, "GET", f"/v1/posts/{post_id}"))
        if post_id not in self._images:
            raise Refused(404, {"type": "no-image", "detail": "a post shows no image"})
        try:
            await self.api.fetch(self._images[post_id])
        except Refused:
            self._images.pop(post_id, None)  # signed addresses end: the post has another then
            raise
        return {}

    async def _like(self, operation: Operation, person: Person, asked: Fields) -> Fields:
        method = "PUT" if operation.kind == "like" else "DELETE"
        await self.api.call(person, method, f"/v1/posts/{asked['post']}/like")
        return {}

    async def _comment(self, operation: Operation, person: Person, asked: Fields) -> Fields:
        body = {"text": f"What I see, for the {operation.number}th time"}
        path = f"/v1/posts/{asked['post']}/comments"
        return {"comment": (await self.api.call(person, "POST", path, body=body))["id"]}

    async def _follow(self, operation: Operation, person: Person, asked: Fields) -> Fields:
        method = "PUT" if operation.kind == "follow" else "DELETE"
        answer = await self.api.call(person, method, f"/v1/users/{asked['other']}/follow")
        return {"why": answer["state"]} if answer else {}

    async def _post(self, operation: Operation, person: Person, asked: Fields) -> Fields:
        content = self._original(operation)
        media_id = await self.api.upload(person, content)
        body = {"caption": f"Post {operation.post}", "media": [{"media_id": media_id}]}
        key = f"{person.name}-{operation.number}"  # a try again is another upload, and a new post
        post = await self.api.call(person, "POST", "/v1/posts", body=body, key=key)
        if not content.poison:
            self.posts[operation.post] = post["id"]
        return {"post": post["id"]}

    async def _delete_post(self, operation: Operation, person: Person, asked: Fields) -> Fields:
        await self.api.call(person, "DELETE", f"/v1/posts/{asked['post']}")
        return {}

    def _original(self, operation: Operation) -> Original:
        return original(operation.post, self._scenario.media, seed=self._scenario.seed)

    def _page(self, page: Json) -> Fields:
        return {"seen": list(map(self._seen, page["posts"])), "next": page["next_cursor"]}

    def _seen(self, post: Json) -> Seen:
        image = post["media"][0]["image"] if post["media"] else None
        if image:
            self._images[post["id"]] = image["url"]
        return Seen(
            post=post["id"],
            author=post["author_id"],
            likes=post["like_count"],
            comments=post["comment_count"],
            liked=post["liked"],
            as_of_ms=_ms(post["as_of"]),
        )


def _ms(timestamp: str | None) -> int | None:
    return None if timestamp is None else round(datetime.fromisoformat(timestamp).timestamp() * 1e3)
