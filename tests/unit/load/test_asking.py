"""How people join and stay signed in, also where an answer is lost."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from instastream.client import Refused
from instastream.load.checks.histories import Entry
from instastream.load.over_http.asking import Api, Person
from instastream.load.over_http.clock import Clock
from instastream.load.over_http.generating import Share
from instastream.load.over_http.wire import Answer, Lost, Web
from instastream.load.scenario.scenarios import load_scenario


class Accounts(Api):
    """Lets one user join; the answer to that is lost, as is a pair of tokens after it."""

    def __init__(self) -> None:
        super().__init__("", Web())
        self.asked: list[str] = []

    async def call(self, person: Person | None, method: str, path: str, **_: object) -> Any:
        self.asked.append(path)
        if self.asked == ["/v1/users"]:
            raise Lost("the connection broke")
        if path == "/v1/users":
            raise Refused(409, {"type": "/problems/username-taken"})
        if self.asked.count("/v1/tokens") == 1:
            raise Lost("the connection broke")
        tokens = {"access_token": "a", "refresh_token": "r", "expires_in": 900}
        return {"user_id": "1000000000000000007", **tokens}


async def test_whoever_joined_and_was_not_told_so_is_signed_in() -> None:
    api, person = Accounts(), Person("load_ab_0", "a password")
    for _ in range(2):
        with pytest.raises(Lost):
            await api.join(person)
    await api.join(person)
    assert (person.id, person.access_token) == ("1000000000000000007", "a")


async def test_a_name_that_is_refused_for_another_reason_is_said() -> None:
    class Paced(Api):
        async def call(self, *_: object, **__: object) -> Any:
            raise Refused(429, {})

    with pytest.raises(Refused, match="429"):
        await Paced("", Web()).join(Person("load_ab_0", "a password"))


class Signing(Web):
    """Takes a refresh token once, and what came from its sign-in no more once it comes again."""

    def __init__(self) -> None:
        super().__init__()
        self._sign_ins = 1
        self._used: set[str] = set()
        self._revoked: set[str] = set()

    async def ask(self, method: str, url: str, *, body: bytes = b"", **_: Any) -> Answer:
        if url == "/v1/feed":
            return Answer(200, {}, b"{}")
        given = msgspec.json.decode(body)
        if url == "/v1/tokens":
            self._sign_ins += 1
            return self._pair(f"{self._sign_ins}")
        token = given["refresh_token"]
        sign_in = token.partition(".")[0]
        if token in self._used:
            self._revoked.add(sign_in)
        if sign_in in self._revoked:
            return Answer(401, {}, b"")
        self._used.add(token)
        return self._pair(f"{sign_in}.{len(self._used)}")

    def _pair(self, refresh_token: str) -> Answer:
        pair = {"access_token": "a", "refresh_token": refresh_token, "expires_in": 0}
        return Answer(200, {}, msgspec.json.encode(pair | {"user_id": "7"}))


async def test_two_processes_use_no_refresh_token_of_each_other() -> None:
    web, people = Signing(), [Person(f"load_ab_{n}", "a password", refresh_token="1") for n in "01"]
    shares = [share_of(number, people).with_own_tokens() for number in range(2)]
    for _ in range(3):
        for own in shares:
            await Api("", web).call(own[0], "GET", "/v1/feed")
    first, second = (own[0].refresh_token.partition(".")[0] for own in shares)
    assert first != second
    assert [bool(own.refresh_token) for own in share_of(1, people).with_own_tokens()] == [
        False,
        True,
    ]


async def test_a_refresh_that_is_refused_is_no_reason_to_sign_in_again() -> None:
    web, person = Signing(), Person("load_ab_0", "a password", refresh_token="1")
    await Api("", web).call(person, "GET", "/v1/feed")
    with pytest.raises(Refused, match="401"):
        await Api("", web).call(replace(person, refresh_token="1"), "GET", "/v1/feed")


def share_of(number: int, people: list[Person]) -> Share:
    return Share(
        number=number,
        of=2,
        scenario=load_scenario("smoke"),
        header=Entry(phase="header", at_ms=0, version=1),
        people=[replace(person) for person in people],
        folder="",
        posts="",
        clock=Clock.started(),
        start_ms=0.0,
        at_once=1,
        is_owned=False,
    )
