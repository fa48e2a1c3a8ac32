"""Of comments, who is kept from whom by a block: replies, likes and mentions, too."""

from collections.abc import Awaitable, Callable

import pytest

from instastream.comments import CommentAdded, CommentEdited
from instastream.deps import Deps
from instastream.stores.accounts import Credentials
from instastream.stores.memory_comments import MemoryComments
from tests.unit.api.commenting import path_of, say
from tests.unit.api.conftest import Json, Person, problem, serving


async def test_nothing_under_what_someone_said_is_there_for_whom_they_block_or_who_blocks_them(
    ada: Person, bob: Person, eve: Person, post: Json
) -> None:
    comment = await say(bob, post, "mine")
    reply = await say(ada, post, "yours", to=comment)
    own = await say(eve, post, "hers", to=comment)
    await bob.ask("PUT", f"/v1/users/{eve.id}/block")
    like, replies = path_of(post, reply, "/like"), path_of(post, reply, "/replies")
    for method, path, body in (
        ("GET", path_of(post, comment), None),
        ("GET", path_of(post, comment, "/replies"), None),
        ("GET", path_of(post, reply), None),
        ("GET", replies, None),
        ("PUT", like, None),
        ("DELETE", like, None),
        ("PATCH", path_of(post, own), {"text": "words"}),
        ("POST", path_of(post), {"text": "words", "reply_to": reply["id"]}),
    ):
        refused = await eve.ask(method, path, json=body)
        assert problem(refused) == (404, "comment-not-found"), (method, path)
    for who in (ada, bob):
        assert (await who.get(path_of(post, reply))).status_code == 200
        assert (await who.ask("PUT", like)).status_code == 204
    assert (await eve.ask("DELETE", path_of(post, own))).status_code == 204, "it is her own"
    await bob.ask("DELETE", f"/v1/users/{eve.id}/block")
    await eve.ask("PUT", f"/v1/users/{bob.id}/block")
    assert problem(await eve.get(path_of(post, reply))) == (404, "comment-not-found")


async def test_a_reply_is_there_where_the_words_that_it_replies_to_are_deleted(
    ada: Person, bob: Person, eve: Person, post: Json
) -> None:
    comment = await say(bob, post)
    reply = await say(ada, post, "yours", to=comment)
    await bob.ask("DELETE", path_of(post, comment))
    assert (await eve.get(path_of(post, reply))).json()["text"] == "yours"
    assert (await eve.ask("PUT", path_of(post, reply, "/like"))).status_code == 204


@pytest.mark.parametrize("blocker", ["reader", "mentioned"])
async def test_who_is_mentioned_is_not_told_to_whom_they_block_nor_to_who_blocks_them(
    ada: Person, bob: Person, eve: Person, post: Json, deps: Deps, blocker: str
) -> None:
    for who, username in ((ada, "ada"), (bob, "bob")):
        await deps.accounts.claim(Credentials(username, who.id, "hash"))
    comment = await say(ada, post, "@bob and @ada")
    reply = await say(ada, post, "@bob", to=comment)
    one, other = (eve, bob) if blocker == "reader" else (bob, eve)
    await one.ask("PUT", f"/v1/users/{other.id}/block")
    only_ada = [{"id": ada.id, "username": "ada"}]
    shown = (await eve.get(path_of(post, comment))).json()
    assert (shown["text"], shown["mentions"]) == ("@bob and @ada", only_ada), "it is as written"
    [listed] = (await eve.get(path_of(post))).json()["comments"]
    assert listed == shown
    [of_reply] = (await eve.get(path_of(post, comment, "/replies"))).json()["comments"]
    assert (of_reply["id"], of_reply["mentions"]) == (reply["id"], [])
    both = [{"id": bob.id, "username": "bob"}, *only_ada]
    for who in (ada, bob):
        assert (await who.get(path_of(post, comment))).json()["mentions"] == both


class Walling(MemoryComments):
    """Keeps words, and before anyone hears of it the post's author has walled off who said them."""

    def __init__(self, wall_off: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._wall_off = wall_off

    async def record_added(self, event: CommentAdded) -> None:
        await super().record_added(event)
        await self._wall_off()

    async def record_edited(self, event: CommentEdited, *, version: int) -> None:
        await super().record_edited(event, version=version)
        await self._wall_off()


async def test_what_was_said_is_never_said_to_have_failed(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    wall = f"/v1/users/{bob.id}/block"
    walling = Walling(lambda: ada.ask("PUT", wall))
    async with serving(deps, comments=walling) as http:
        said = await http.post(path_of(post), json={"text": "x"}, headers=bob.headers)
        assert said.status_code == 201
        await ada.ask("DELETE", wall)
        own = path_of(post, said.json())
        edited = await http.patch(own, json={"text": "y"}, headers=bob.headers)
        assert (edited.status_code, edited.json()["text"]) == (200, "y")
        assert problem(await http.get(own, headers=bob.headers)) == (404, "post-not-found")
