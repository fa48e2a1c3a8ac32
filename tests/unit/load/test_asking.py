"""How people join and stay signed in, also where an answer is lost."""

from typing import Any

import pytest

from instastream.client import Refused
from instastream.load.over_http.asking import Api, Person
from instastream.load.over_http.wire import Lost, Web


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
