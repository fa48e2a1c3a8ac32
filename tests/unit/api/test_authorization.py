"""Whoever asks gets what is theirs to get, of every operation that the document has."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest
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


class Told(NamedTuple):
    """An answer, whatever its ids and its trace were, and how many events it led to."""

    status: int
    words: str
    headers: frozenset[str]
    events: int


async def told(operation: str, who: Who) -> Told:
    """What someone is told in a world of its own."""
    async with world(who) as before:
        events = count(before)
        answer: Response = await before.asked(operation, who)
        events = count(before) - events
    words = answer.text
    if "instance" in words:
        words = words.replace(answer.json()["instance"], "")
    for part in before.path(operation, who).split("/"):
        words = words.replace(part, "...") if part[:1].isdigit() or part.count("-") == 4 else words
    headers = frozenset(answer.headers) - {"content-length"}
    return Told(answer.status_code, words, headers, events)


def count(world: World) -> int:
    assert isinstance(world.deps.log, MemoryLog)
    return sum(len(events) for of in world.deps.log.topics.values() for events in of.values())


@pytest.mark.parametrize("operation", ROWS)
async def test_everyone_gets_what_is_theirs_and_what_is_hidden_looks_like_what_never_was(
    operation: str,
) -> None:
    answers = {who: await told(operation, who) for who in COLUMNS}
    assert {who: answer.status for who, answer in answers.items()} == ROWS[operation]
    for who, answer in answers.items():
        if answer.status >= 400:
            assert answer.events == 0, "what is refused has no effect"
        if who in ("private", "blocked") and "{user_id}" not in operation:
            assert answer == answers["nothing"]
        if answer.status == 404:
            assert answer == answers["nothing"]


async def none(ada: Person, deps: Deps) -> str:
    return ""


async def expired(ada: Person, deps: Deps) -> str:
    return deps.signer.sign(ada.id, now_ms=deps.now_ms() - ACCESS_TOKEN_TTL_S * 1_000)


async def refresh_token(ada: Person, deps: Deps) -> str:
    """Somebody else's, as they got it by signing in."""
    await accounts.join("mallory", PASSWORD, deps)
    return (await accounts.sign_in("mallory", PASSWORD, deps)).refresh_token


@pytest.mark.parametrize(
    ("token", "slug"),
    [(none, "missing-token"), (expired, "expired-token"), (refresh_token, "invalid-token")],
)
async def test_without_an_access_token_that_is_valid_nobody_gets_anything(
    ada: Person, deps: Deps, token: Callable[[Person, Deps], Awaitable[str]], slug: str
) -> None:
    bearer = await token(ada, deps)
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
