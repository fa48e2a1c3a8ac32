"""Joining, signing in, staying signed in, and being known by a token."""

import pytest
from httpx2 import AsyncClient, Response

from instastream.deps import Deps
from instastream.events import UserJoined
from instastream.handlers.graph import record_joined
from instastream.ids import UserId
from instastream.limits import (
    ACCESS_TOKEN_TTL_S,
    PASSWORD_LENGTH_MAX,
    PASSWORD_LENGTH_MIN,
    REFRESH_REPEAT_S,
    USERNAME_LENGTH_MAX,
    USERNAME_LENGTH_MIN,
)
from tests.unit.api.conftest import PASSWORD, DownLog, Json, Person, problem, serving

# A header that a library of JWTs trips over: {"alg":"Ed25519","crit":[{}]}
CRITICAL = "eyJhbGciOiJFZDI1NTE5IiwiY3JpdCI6W3t9XX0.e30." + "A" * 86
EVE = {"username": "eve.1", "password": PASSWORD}


async def test_who_joins_can_sign_in_and_see_their_profile(http: AsyncClient) -> None:
    joined = await http.post("/v1/users", json=EVE)
    assert joined.status_code == 201
    assert joined.headers["location"] == f"/v1/users/{joined.json()['id']}"
    tokens = (await http.post("/v1/tokens", json=EVE)).json()
    assert tokens["expires_in"] == ACCESS_TOKEN_TTL_S
    bearer = {"authorization": f"bearer {tokens['access_token']}"}
    profile = await http.get(joined.headers["location"], headers=bearer)
    assert profile.json() == joined.json()
    assert profile.json()["username"] == "eve.1"


async def test_who_joins_is_found_by_whoever_looked_for_them_before(
    ada: Person, deps: Deps
) -> None:
    late = UserId(await deps.ids.mint())
    posts = f"/v1/users/{late}/posts"
    assert problem(await ada.get(posts)) == (404, "user-not-found")
    joined = UserJoined(user_id=late, username="late", at_ms=deps.now_ms())
    await record_joined(await deps.log.append(joined), deps)
    assert (await ada.get(posts)).json()["posts"] == []


async def test_a_username_is_taken_once(http: AsyncClient) -> None:
    await http.post("/v1/users", json=EVE)
    again = await http.post("/v1/users", json=EVE | {"password": "another password"})
    assert problem(again) == (409, "username-taken")


@pytest.mark.parametrize(
    ("username", "status"),
    [
        ("a" * (USERNAME_LENGTH_MIN - 1), 422),
        ("a" * USERNAME_LENGTH_MIN, 201),
        ("a" * USERNAME_LENGTH_MAX, 201),
        ("a" * (USERNAME_LENGTH_MAX + 1), 422),
        ("a_b.1", 201),
        (".ab", 422),
        ("ab.", 422),
        ("Ada", 422),
        ("a b", 422),
        ("abc\n", 422),
        ("ädä", 422),
        ("abc\0", 422),
    ],
)
async def test_usernames_are_short_and_plain(http: AsyncClient, username: str, status: int) -> None:
    response = await http.post("/v1/users", json=EVE | {"username": username})
    assert response.status_code == status
    if status == 422:
        assert problem(response) == (422, "invalid-request")
        assert response.json()["errors"][0]["pointer"] == "#/username"


@pytest.mark.parametrize(
    ("password", "status"),
    [
        ("p" * (PASSWORD_LENGTH_MIN - 1), 422),
        ("p" * PASSWORD_LENGTH_MIN, 201),
        ("\0\n pässword \U0001f511", 201),
        ("\U0001f511" * PASSWORD_LENGTH_MAX, 201),
        ("p" * (PASSWORD_LENGTH_MAX + 1), 422),
    ],
)
async def test_passwords_are_long_and_anything(
    http: AsyncClient, password: str, status: int
) -> None:
    body = EVE | {"password": password}
    assert (await http.post("/v1/users", json=body)).status_code == status
    if status == 201:
        assert (await http.post("/v1/tokens", json=body)).status_code == 200


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"password": ""}, {"username": "nobody"}])
async def test_a_wrong_password_and_no_such_user_look_alike(
    http: AsyncClient, wrong: dict[str, str]
) -> None:
    await http.post("/v1/users", json=EVE)
    response = await http.post("/v1/tokens", json=EVE | wrong)
    assert problem(response) == (401, "invalid-credentials")
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["detail"] == "this username and password don't go together"


async def test_a_refresh_token_gives_the_next_pair(http: AsyncClient) -> None:
    first = await _signed_in(http)
    second = await _refresh(http, first)
    assert second.status_code == 200
    assert second.headers["cache-control"] == "no-store"
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert (await _refresh(http, second.json())).status_code == 200


async def test_whoever_asks_again_because_the_answer_was_lost_gets_the_same_token(
    http: AsyncClient,
) -> None:
    first = await _signed_in(http)
    second, again = await _refresh(http, first), await _refresh(http, first)
    assert second.json()["refresh_token"] == again.json()["refresh_token"]


@pytest.mark.parametrize(
    ("later_ms", "status"), [(REFRESH_REPEAT_S * 1000, 200), (REFRESH_REPEAT_S * 1000 + 1, 401)]
)
async def test_a_token_that_comes_again_later_was_stolen(
    deps: Deps, later_ms: int, status: int
) -> None:
    now_ms = deps.now_ms()
    async with serving(deps, now_ms=lambda: now_ms) as before:
        first = await _signed_in(before)
        second = (await _refresh(before, first)).json()
    async with serving(deps, now_ms=lambda: now_ms + later_ms) as later:
        assert (await _refresh(later, first)).status_code == status
        assert (await _refresh(later, second)).status_code == status, "its whole family"


async def test_a_token_that_comes_after_its_successor_was_used_was_stolen(
    http: AsyncClient,
) -> None:
    first = await _signed_in(http)
    second = (await _refresh(http, first)).json()
    third = (await _refresh(http, second)).json()
    for token in (first, third):
        assert problem(await _refresh(http, token)) == (401, "invalid-token")


async def test_a_join_that_was_cut_short_is_completed_by_signing_in(
    http: AsyncClient, deps: Deps
) -> None:
    async with serving(deps, log=DownLog(keeps=False)) as down:
        assert problem(await down.post("/v1/users", json=EVE)) == (503, "unavailable")
    tokens = (await http.post("/v1/tokens", json=EVE)).json()
    joined = [record.event async for record in deps.log.read("users")]
    [user_id] = {event.user_id for event in joined if isinstance(event, UserJoined)}
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    profile = await http.get(f"/v1/users/{user_id}", headers=headers)
    assert profile.json()["username"] == EVE["username"]


async def _signed_in(http: AsyncClient) -> Json:
    await http.post("/v1/users", json=EVE)
    return dict((await http.post("/v1/tokens", json=EVE)).json())


async def _refresh(http: AsyncClient, pair: Json) -> Response:
    body = {"refresh_token": pair["refresh_token"]}
    return await http.post("/v1/tokens/refresh", json=body)


@pytest.mark.parametrize("token", ["", "x" * 42, "x" * 43 + "\n", "ü" * 43])
async def test_what_is_not_a_refresh_token_is_not_looked_up(http: AsyncClient, token: str) -> None:
    response = await http.post("/v1/tokens/refresh", json={"refresh_token": token})
    assert problem(response) == (422, "invalid-request")


@pytest.mark.parametrize(
    ("header", "slug", "challenge"),
    [
        (None, "missing-token", "Bearer"),
        ("", "missing-token", "Bearer"),
        ("Bearer", "missing-token", "Bearer"),
        ("Bearer  ", "missing-token", "Bearer"),
        ("Basic YTpi", "missing-token", "Bearer"),
        ("Bearer x", "invalid-token", 'Bearer error="invalid_token"'),
        ("Bearer " + CRITICAL, "invalid-token", 'Bearer error="invalid_token"'),
        ("Bearer a.b.c", "invalid-token", 'Bearer error="invalid_token"'),
        ("Bearer \u00fc", "invalid-token", 'Bearer error="invalid_token"'),
    ],
)
async def test_whoever_is_not_signed_in_is_told_how(
    http: AsyncClient, header: str | None, slug: str, challenge: str
) -> None:
    headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]
    response = await http.get("/v1/feed", headers=headers)
    assert problem(response) == (401, slug)
    assert response.headers["www-authenticate"] == challenge


async def test_a_token_expires(ada: Person, deps: Deps) -> None:
    def later_ms() -> int:
        return deps.now_ms() + ACCESS_TOKEN_TTL_S * 1000

    async with serving(deps, now_ms=later_ms) as http:
        response = await http.get("/v1/feed", headers=ada.headers)
        assert problem(response) == (401, "expired-token")


async def test_a_token_of_another_system_is_refused(ada: Person, http: AsyncClient) -> None:
    token = ada.headers["authorization"]
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    response = await http.get("/v1/feed", headers={"authorization": forged})
    assert problem(response) == (401, "invalid-token")
