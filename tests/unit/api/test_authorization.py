"""Whoever asks gets what is theirs to get, of every operation that the document has."""

from collections.abc import Callable

import pytest
import pytest_asyncio
from httpx2 import AsyncClient, Response

from instastream import accounts
from instastream.api.openapi import OPERATIONS
from instastream.api.operations import AnyOperation
from instastream.api.ratelimits import Noted
from instastream.deps import Deps
from instastream.limits import ACCESS_TOKEN_TTL_S
from instastream.stores.memory import MemoryLog
from instastream.stores.memory_rates import MemoryRates
from tests.unit.api import authorization
from tests.unit.api.authorization import COLUMNS, OPEN, Who, World, operations, table, world
from tests.unit.api.conftest import PASSWORD, Person, problem, single

BY_NAME: dict[str, AnyOperation] = {f"{one.method} {one.path}": one for one in OPERATIONS}
ROWS = table()


def test_every_operation_that_names_something_has_an_expectation() -> None:
    """A new route is in the table, or fails here."""
    assert set(ROWS) == {name for name, _ in operations() if "_id}" in name}


def test_every_other_operation_is_for_those_who_are_signed_in_unless_it_is_said_to_be_open() -> (
    None
):
    assert {name for name, described in operations() if not described["security"]} == OPEN


@pytest.mark.parametrize("who", COLUMNS)
@pytest.mark.parametrize("operation", ROWS)
async def test_everyone_gets_what_is_for_them(operation: str, who: Who) -> None:
    async with world(who) as before:
        said = _said(before)
        answer = await before.asked(operation, who)
        assert answer.status_code == ROWS[operation][who]
        if answer.status_code >= 400:
            assert _said(before) == said, "what is refused has no effect"


def _said(world: World) -> int:
    assert isinstance(world.deps.log, MemoryLog)
    return sum(len(events) for of in world.deps.log.topics.values() for events in of.values())


@pytest.mark.parametrize("who", ["private", "blocked"])
@pytest.mark.parametrize("operation", ROWS)
async def test_what_is_hidden_looks_like_what_never_was(operation: str, who: Who) -> None:
    expected = ROWS[operation]
    if expected[who] != expected["nothing"]:
        assert expected[who] in (200, 202, 204, 403), "users can be known, and what they hide not"
        assert "{user_id}" in operation
        return
    assert await _told(operation, who) == await _told(operation, "nothing")


async def _told(operation: str, who: Who) -> tuple[int, str, set[str]]:
    """Status, words and names of headers, whatever the ids and the trace were."""
    async with world(who) as asked:
        answer: Response = await asked.asked(operation, who)
    text = answer.text
    if "instance" in text:
        text = text.replace(answer.json()["instance"], "")
    for part in asked.path(operation, who).split("/"):
        text = text.replace(part, "...") if part[:1].isdigit() or part.count("-") == 4 else text
    return answer.status_code, text, set(answer.headers) - {"content-length"}


@pytest_asyncio.fixture
async def refresh_token(http: AsyncClient, deps: Deps) -> str:
    """Somebody's, as they got it by signing in."""
    await accounts.join("mallory", PASSWORD, deps)
    return (await accounts.sign_in("mallory", PASSWORD, deps)).refresh_token


Token = Callable[[Person, Deps, str], str]
TOKENS: dict[str, tuple[Token, str]] = {
    "anonymous": (lambda ada, deps, refresh: "", "missing-token"),
    "expired": (
        lambda ada, deps, refresh: deps.signer.sign(
            ada.id, now_ms=deps.now_ms() - ACCESS_TOKEN_TTL_S * 1_000
        ),
        "expired-token",
    ),
    "another's refresh token": (lambda ada, deps, refresh: refresh, "invalid-token"),
}


@pytest.mark.parametrize("kind", TOKENS)
async def test_without_an_access_token_that_is_valid_nobody_gets_anything(
    ada: Person, deps: Deps, refresh_token: str, kind: str
) -> None:
    token, slug = TOKENS[kind]
    bearer = token(ada, deps, refresh_token)
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    ids = {"user_id": ada.id, "post_id": ada.id, "comment_id": ada.id, "media_id": ada.id}
    answers = {}
    for name, _ in operations():
        if name not in OPEN:
            method, _, path = name.partition(" ")
            answer = await ada.http.request(method, path.format(**ids), headers=headers)
            answers[name] = problem(answer)
    assert set(answers.values()) == {(401, slug)}, answers


@pytest.mark.parametrize("name", sorted(OPEN))
async def test_what_is_open_asks_for_no_token_and_minds_none(http: AsyncClient, name: str) -> None:
    method, _, path = name.partition(" ")
    forged = {"authorization": "Bearer forged"}
    answer = await http.request(method, path.format(slug="not-found"), headers=forged)
    assert answer.status_code in (200, 415)


async def test_an_upload_of_somebody_else_is_none_to_make_a_post_of(
    ada: Person, bob: Person
) -> None:
    of_ada = await ada.upload()
    details = []
    for media_id in (of_ada, authorization.unknown("media_id")):
        answer = await bob.ask("POST", "/v1/posts", json=single(media_id))
        assert problem(answer) == (404, "upload-not-found")
        details.append(answer.json()["detail"].replace(media_id, ""))
    assert details[0] == details[1]
    assert (await ada.ask("POST", "/v1/posts", json=single(of_ada))).status_code == 202


@pytest.mark.parametrize("operation", ROWS)
async def test_the_rates_that_an_operation_takes_of_are_documented(operation: str) -> None:
    rates = Noted(MemoryRates(lambda: 0))
    async with world("stranger", rates=rates) as before:
        whose: tuple[Who, Who] = ("stranger", "owner")
        for who in whose:
            rates.taken.clear()
            answer = await before.asked(operation, who)
            named = {what for what, _, _ in rates.taken}
            assert ("ratelimit" in answer.headers) == bool(named)
        assert named == set(BY_NAME[operation].paces)
