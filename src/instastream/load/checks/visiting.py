"""Visits the API as a user of a history: signs in, and reads everything that they may see."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from time import monotonic
from typing import TypeVar

import msgspec
from httpx2 import AsyncClient, HTTPError, Response
from msgspec import Struct

from instastream.errors import InstastreamError, Unavailable
from instastream.limits import ACCESS_TOKEN_TTL_S, PAGE_LENGTH_MAX
from instastream.load.checks.judging import Page, Shown
from instastream.load.checks.oracle import Account

TRIES = 8  # of one request: a server that restarts is away for seconds
WAIT_S_MAX = 10.0
TOKEN_S = ACCESS_TOKEN_TTL_S / 2  # a page takes far less than the other half
HIDDEN = (403, 404)

Answered = TypeVar("Answered", bound=Struct)


class Tokens(Struct, frozen=True):
    """What signs a user in."""

    access_token: str


class Visitor:
    """One user, signed in where that is needed.

    Raises Unavailable where the API does not answer for long, and InstastreamError where it
    answers what it must not.
    """

    def __init__(self, http: AsyncClient, account: Account) -> None:
        self._http = http
        self._account = account
        self._token = ""
        self._until_s = 0.0

    async def sign_in(self) -> bool:
        """Whether they can."""
        body = {"username": self._account.name, "password": self._account.password}
        response = await self._ask("POST", "/v1/tokens", json=body)
        if response.status_code == 401:
            return False
        self._token = _read(response, Tokens).access_token
        self._until_s = monotonic() + TOKEN_S
        return True

    async def post(self, post_id: str) -> Shown | None:
        """A post, None where it is not for them to see."""
        response = await self._get(f"/v1/posts/{post_id}")
        return None if response.status_code in HIDDEN else _read(response, Shown)

    async def pages(self, path: str) -> list[Page]:
        """Every page of a list; one that does not come to its end is cut where it repeats."""
        return [page async for page in self._pages(path)]

    async def _pages(self, path: str) -> AsyncIterator[Page]:
        cursor, cursors = "", set[str]()
        while cursor not in cursors:
            cursors.add(cursor)
            params = {"limit": str(PAGE_LENGTH_MAX)} | ({"cursor": cursor} if cursor else {})
            page = _read(await self._get(path, params), Page)
            yield page
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> Response:
        if monotonic() > self._until_s and not await self.sign_in():
            raise InstastreamError(f"{self._account.name} could sign in, and can't any more")
        headers = {"Authorization": f"Bearer {self._token}"}
        return await self._ask("GET", path, params=params, headers=headers)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
    ) -> Response:
        """An answer other than `try again later`."""
        why = ""
        for attempt in range(TRIES):
            wait_s = min(0.2 * 2**attempt, WAIT_S_MAX)
            try:
                response = await self._http.request(
                    method, path, params=params, headers=headers, json=json
                )
            except HTTPError as error:
                why = str(error) or repr(error)
            else:
                if response.status_code not in (429, 500, 503):
                    return response
                why = f"{response.status_code} {response.text[:200]}"
                wait_s = max(wait_s, min(_retry_after_s(response), WAIT_S_MAX))
            await asyncio.sleep(wait_s)
        raise Unavailable(f"the API, at {method} {path},", why)


def _retry_after_s(response: Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 0.0


def _read(response: Response, of: type[Answered]) -> Answered:
    asked = f"{response.request.method} {response.request.url.path}"
    if response.status_code != 200:
        raise InstastreamError(f"{asked} answered {response.status_code}: {response.text[:200]}")
    try:
        return msgspec.json.decode(response.content, type=of)
    except ValueError as error:
        raise InstastreamError(f"{asked} answered what is not as documented: {error}") from error
