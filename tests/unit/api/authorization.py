"""Who gets what of a thing of Ada's: plain data, and the world in which it is asked for."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from instastream.api.openapi import document
from instastream.deps import Deps, memory_deps
from instastream.limits import PUT_BYTES_MAX
from tests.conftest import IN_MEMORY
from tests.unit.api.commenting import say
from tests.unit.api.conftest import (
    NOBODYS,
    NoRenderer,
    Person,
    declaration,
    make_ready,
    person,
    serving,
)

Json = dict[str, Any]
Who = Literal["owner", "stranger", "private", "blocked", "nothing"]

# Ada; Eve; Eve where Ada's account is private; Bob, whom Ada blocks; Eve of what there never was.
COLUMNS: tuple[Who, ...] = ("owner", "stranger", "private", "blocked", "nothing")

# Lists of one's own (blocks, mutes, whom one follows no longer) take whoever there is, also those
# who block one: who they are is known from before.
EXPECTED = """
                                                         owner  stranger private blocked nothing
GET    /v1/users/{user_id}                               200    200      200     404     404
GET    /v1/users/{user_id}/posts                         200    200      403     404     404
GET    /v1/users/{user_id}/followers                     200    200      403     404     404
GET    /v1/users/{user_id}/following                     200    200      403     404     404
PUT    /v1/users/{user_id}/follow                        403    204      202     404     404
DELETE /v1/users/{user_id}/follow                        204    204      204     204     404
PUT    /v1/users/{user_id}/block                         403    204      204     204     404
DELETE /v1/users/{user_id}/block                         204    204      204     204     404
PUT    /v1/users/{user_id}/mute                          403    204      204     204     404
DELETE /v1/users/{user_id}/mute                          204    204      204     204     404
PUT    /v1/me/followers/{user_id}                        204    404      404     404     404
DELETE /v1/me/followers/{user_id}                        204    204      204     204     404
DELETE /v1/me/requests/{user_id}                         204    204      204     204     204
GET    /v1/posts/{post_id}                               200    200      404     404     404
PATCH  /v1/posts/{post_id}                               200    403      404     404     404
DELETE /v1/posts/{post_id}                               204    403      404     404     404
PUT    /v1/posts/{post_id}/like                          204    204      404     404     404
DELETE /v1/posts/{post_id}/like                          204    204      404     404     404
GET    /v1/posts/{post_id}/likes                         200    200      404     404     404
GET    /v1/posts/{post_id}/comments                      200    200      404     404     404
POST   /v1/posts/{post_id}/comments                      201    201      404     404     404
GET    /v1/posts/{post_id}/comments/{comment_id}         200    200      404     404     404
PATCH  /v1/posts/{post_id}/comments/{comment_id}         200    403      404     404     404
DELETE /v1/posts/{post_id}/comments/{comment_id}         204    403      404     404     404
PUT    /v1/posts/{post_id}/comments/{comment_id}/like    204    204      404     404     404
DELETE /v1/posts/{post_id}/comments/{comment_id}/like    204    204      404     404     404
GET    /v1/posts/{post_id}/comments/{comment_id}/replies 200    200      404     404     404
GET    /v1/feed/explain/{post_id}                        200    200      200     200     200
GET    /v1/uploads/{media_id}                            200    404      404     404     404
DELETE /v1/uploads/{media_id}                            204    404      404     404     404
POST   /v1/uploads/{media_id}/parts                      200    404      404     404     404
POST   /v1/uploads/{media_id}/complete                   409    404      404     404     404
"""

# Whoever comes may ask for these; everything else is for those who are signed in.
OPEN = {
    "POST /v1/users",
    "POST /v1/tokens",
    "POST /v1/tokens/refresh",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /problems/{slug}",
    "GET /openapi.json",
}

SHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
BODIES: dict[str, Json] = {
    "PATCH /v1/posts/{post_id}": {"caption": "other words"},
    "POST /v1/posts/{post_id}/comments": {"text": "words"},
    "PATCH /v1/posts/{post_id}/comments/{comment_id}": {"text": "other words"},
    "POST /v1/uploads/{media_id}/parts": {"parts": [{"number": 1, "sha256": SHA256}]},
    "POST /v1/uploads/{media_id}/complete": {"sha256s": [SHA256] * 4},
}


def table() -> dict[str, dict[Who, int]]:
    """What is expected of each operation, by who asks."""
    _, *lines = EXPECTED.strip().splitlines()
    rows = (line.split() for line in lines)
    return {
        f"{method} {path}": dict(zip(COLUMNS, map(int, statuses), strict=True))
        for method, path, *statuses in rows
    }


def operations() -> Iterator[tuple[str, Json]]:
    """Every operation of the API's document, by method and path."""
    for path, methods in document()["paths"].items():
        for method, described in methods.items():
            yield f"{method.upper()} {path}", described


@dataclass
class World:
    """Ada has a post, a comment on it, an upload on its way, and Carl asks to follow her."""

    deps: Deps
    people: dict[str, Person]
    ids: dict[str, str]

    def asker(self, who: Who) -> Person:
        """Who asks in a column."""
        return self.people[{"owner": "ada", "blocked": "bob"}.get(who, "eve")]

    def path(self, operation: str, who: Who) -> str:
        """With ids of Ada's, or such as nobody was given."""
        of = {name: unknown(name) for name in self.ids} if who == "nothing" else self.ids
        if operation.partition(" ")[2].startswith("/v1/me/"):
            of = of | {"user_id": of["asking_id"]}
        return operation.partition(" ")[2].format(**of)

    async def asked(self, operation: str, who: Who) -> Any:
        """What is answered to someone."""
        body = BODIES.get(operation)
        method, path = operation.partition(" ")[0], self.path(operation, who)
        return await self.asker(who).ask(method, path, **({"json": body} if body else {}))


def unknown(name: str) -> str:
    """An id that was never given."""
    return NOBODYS if name == "media_id" else "1571234567890123456"


@asynccontextmanager
async def world(who: Who, **other: Any) -> AsyncIterator[World]:
    """As it is before someone asks; some of its dependencies may be replaced."""
    async with memory_deps(IN_MEMORY, NoRenderer()) as deps, serving(deps, **other) as http:
        people = {name: await person(name, http, deps) for name in ("ada", "bob", "carl", "eve")}
        ada = people["ada"]
        post = await make_ready(await ada.post(), deps)
        comment = await say(ada, post)
        large = declaration() | {"content_type": "video/mp4", "size_bytes": PUT_BYTES_MAX + 1}
        upload = (await ada.ask("POST", "/v1/uploads", json=large)).json()
        await ada.ask("PATCH", "/v1/me", json={"private": True})
        await people["carl"].ask("PUT", f"/v1/users/{ada.id}/follow")
        if who != "private":
            await ada.ask("PATCH", "/v1/me", json={"private": False})
        await ada.ask("PUT", f"/v1/users/{people['bob'].id}/block")
        ids = {
            "user_id": ada.id,
            "asking_id": people["carl"].id,
            "post_id": post["id"],
            "comment_id": comment["id"],
            "media_id": upload["media_id"],
        }
        yield World(deps, people, ids)
