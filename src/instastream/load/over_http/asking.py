"""Who does it all: users of the run, and the calls of the API as they make them."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from instastream.client import Refused
from instastream.load.over_http.wire import Answer, Json, Lost, Web
from instastream.load.scenario.media import Original
from instastream.parts import sha256_of

ANSWER_S = 30.0  # then nobody knows; the API itself gives up earlier
UPLOAD_S = 120.0
TAKEN = 409  # a name
RENEWED_S = 120.0  # before a token ends: longer than any request


class Person(Struct, eq=False):
    """One user of the run; `id` is empty until they have joined."""

    name: str
    password: str
    id: str = ""
    access_token: str = ""
    refresh_token: str = ""  # empty where it is another process's to use
    until_s: float = 0.0  # of the access token, Unix
    cursor: str = ""  # of the next page of the feed that was read last


class Api:
    """The API as people call it.

    Raises Refused for what certainly did not happen, Lost for what may have.
    """

    def __init__(self, url: str, web: Web) -> None:
        self._url = url.rstrip("/")
        self._web = web
        self._renewing: dict[str, asyncio.Lock] = {}

    async def call(
        self,
        person: Person | None,
        method: str,
        path: str,
        *,
        body: object = None,
        key: str = "",
        **query: object,
    ) -> Json:
        """What the API answered, None where it said nothing."""
        headers = {}
        if person:
            await self._renew(person)
            headers["authorization"] = f"Bearer {person.access_token}"
        if key:
            headers["idempotency-key"] = key
        if body is not None:
            headers["content-type"] = "application/json"
        asked = f"?{urlencode(query)}" if query else ""
        answer = await self._web.ask(
            method,
            f"{self._url}{path}{asked}",
            headers=headers,
            body=b"" if body is None else msgspec.json.encode(body),
            timeout_s=ANSWER_S,
        )
        checked = _checked(answer)
        return checked.json() if checked.body else None

    async def join(self, person: Person) -> None:
        """Join, or sign in whoever joined, also where nobody was told so: names are this run's."""
        if not person.id:
            try:
                await self.call(None, "POST", "/v1/users", body=_credentials(person))
            except Refused as error:
                if error.status != TAKEN:
                    raise
        await self._sign_in(person)

    async def upload(self, person: Person, original: Original) -> str:
        """Straight to the object store; the id of the upload."""
        declared = {
            "content_type": original.content_type,
            "size_bytes": len(original.content),
            "sha256": sha256_of(original.content),
        }
        answer = await self.call(person, "POST", "/v1/uploads", body=declared)
        put = answer["put"]
        arrived = await self._web.ask(
            "PUT",
            put["url"],
            headers=put["headers"],
            body=original.content,
            timeout_s=UPLOAD_S,
        )
        _checked(arrived)
        return str(answer["media_id"])

    async def fetch(self, url: str) -> Answer:
        """An image from the edge."""
        return _checked(await self._web.ask("GET", url, timeout_s=ANSWER_S))

    async def _renew(self, person: Person) -> None:
        if person.until_s - RENEWED_S > time.time():
            return
        async with self._renewing.setdefault(person.name, asyncio.Lock()):
            if person.until_s - RENEWED_S > time.time():
                return
            if not person.refresh_token:
                await self._sign_in(person)
                return
            body = {"refresh_token": person.refresh_token}
            self._signed_in(person, await self.call(None, "POST", "/v1/tokens/refresh", body=body))

    async def _sign_in(self, person: Person) -> None:
        tokens = await self.call(None, "POST", "/v1/tokens", body=_credentials(person))
        person.id = str(tokens["user_id"])
        self._signed_in(person, tokens)

    def _signed_in(self, person: Person, tokens: dict[str, Any]) -> None:
        person.access_token = str(tokens["access_token"])
        person.refresh_token = str(tokens["refresh_token"])
        person.until_s = time.time() + float(tokens["expires_in"])


def _credentials(person: Person) -> dict[str, str]:
    return {"username": person.name, "password": person.password}


@contextmanager
def understood() -> Iterator[None]:
    """What has another shape than the API's answers have is Lost: nobody knows what happened."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Lost(f"an answer that is not the API's: {error!r}"[:200]) from error


def _checked(answer: Answer) -> Answer:
    if 200 <= answer.status < 300:
        return answer
    if answer.status >= 500:
        raise Lost(f"{answer.status}: {answer.body[:200].decode(errors='replace')}")
    problem = {"title": "no problem document", "detail": answer.body[:200].decode(errors="replace")}
    if "json" in answer.headers.get("content-type", ""):
        problem |= answer.json()
    raise Refused(answer.status, problem)
