"""Lists of users, page by page, and whose cursors are good for what."""

import pytest
from httpx2 import AsyncClient

from instastream.deps import Deps
from instastream.limits import PAGE_LENGTH_MAX
from tests.unit.api.conftest import Person, make_ready, person, problem
from tests.unit.api.test_following import be_private, do, listed

LISTS = ["/v1/me/requests", "/v1/me/blocks", "/v1/me/mutes", "/v1/users/{}/followers"]


@pytest.mark.parametrize("limit", [1, 2, 3, PAGE_LENGTH_MAX])
async def test_pages_of_users_hold_everyone_once(
    ada: Person, http: AsyncClient, deps: Deps, limit: int
) -> None:
    others = [await person(f"other{n}", http, deps) for n in range(4)]
    await be_private(ada)
    for other in others:
        await do(ada, "PUT", f"/v1/users/{other.id}/follow")
        await do(ada, "PUT", f"/v1/users/{other.id}/mute")
        await do(other, "PUT", f"/v1/users/{ada.id}/follow", 202)
    lists = ["/v1/me/requests", "/v1/me/mutes", f"/v1/users/{ada.id}/following"]
    for path in lists:
        assert await every(ada, path, limit) == [other.id for other in others]
    for other in others:
        await do(ada, "PUT", f"/v1/me/followers/{other.id}")
    path = f"/v1/users/{ada.id}/followers"
    assert await every(ada, path, limit) == [other.id for other in others]
    await do(others[1], "PUT", f"/v1/users/{others[0].id}/block")
    kept = [other.id for other in others if other is not others[1]]
    assert await every(others[0], path, limit) == kept, "who blocks one is not shown"


async def every(who: Person, path: str, limit: int) -> list[str]:
    """A whole list, by the Links of its pages."""
    page = await who.get(path, limit=limit)
    seen = [user["id"] for user in page.json()["users"]]
    while "link" in page.headers:
        assert page.links["next"]["url"].count(page.json()["next_cursor"]) == 1
        assert len(page.json()["users"]) == limit
        page = await who.ask("GET", page.links["next"]["url"])
        seen += [user["id"] for user in page.json()["users"]]
    assert page.json()["next_cursor"] is None
    return seen


@pytest.mark.parametrize("limit", ["0", str(PAGE_LENGTH_MAX + 1), "-1", "x", ""])
async def test_lists_of_users_have_a_limit(ada: Person, limit: str) -> None:
    for path in LISTS:
        response = await ada.get(path.format(ada.id), limit=limit)
        assert problem(response) == (422, "invalid-request")


async def test_a_cursor_is_for_its_list_and_its_reader(
    ada: Person, bob: Person, http: AsyncClient, deps: Deps
) -> None:
    others = [await person(f"other{n}", http, deps) for n in range(2)]
    for other in others:
        await do(other, "PUT", f"/v1/users/{ada.id}/follow")
        await do(ada, "PUT", f"/v1/users/{other.id}/mute")
        await make_ready(await ada.post(), deps)
    followers = f"/v1/users/{ada.id}/followers"
    cursor = (await ada.get(followers, limit=1)).json()["next_cursor"]
    assert await listed(ada, followers, cursor=cursor) == [others[1].id]
    posts = (await ada.get(f"/v1/users/{ada.id}/posts", limit=1)).json()["next_cursor"]
    forged = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for who, path, wrong in (
        (ada, "/v1/me/mutes", cursor),
        (ada, f"/v1/users/{bob.id}/followers", cursor),
        (bob, followers, cursor),
        (ada, followers, posts),
        (ada, "/v1/feed", cursor),
        (ada, followers, forged),
        (ada, followers, ""),
        (ada, followers, "A" * 20),
        (ada, followers, "ü" * 20),
    ):
        assert problem(await who.get(path, cursor=wrong)) == (400, "invalid-cursor")
