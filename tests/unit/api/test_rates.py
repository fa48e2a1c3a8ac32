"""Nobody does anything faster than it is said to them, and they are told how they stand."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from httpx2 import ASGITransport, AsyncClient, Response

from instastream.api.addresses import counted_as
from instastream.api.app import create_app
from instastream.api.openapi import OPERATIONS
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.limits import GUESSES_RATE, REFRESHES_RATE, VIDEOS_RATE, Rate
from instastream.pacing import PACES, pace
from instastream.settings import LOOPBACK, Network
from instastream.stores.memory_rates import MemoryRates
from instastream.stores.rates import Taken
from tests.unit.api.commenting import put, say
from tests.unit.api.conftest import (
    PASSWORD,
    Json,
    Person,
    declaration,
    person,
    problem,
    serving,
    single,
)
from tests.unit.api.contract import check_answer

VIDEO = declaration() | {"content_type": "video/mp4"}
EVE = {"username": "eve", "password": PASSWORD}
FEW = {name: msgspec.structs.replace(one, rate=Rate(2, 10)) for name, one in PACES.items()}
DOCUMENT = Path(__file__).parents[3] / "docs/api.md"


class AbsentRates:
    """A Redis that is down."""

    async def take(self, what: str, whose: str, rate: Rate) -> Taken:
        raise Unavailable("redis", "connection refused")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of everything at once, and one more every ten seconds."""
    monkeypatch.setattr("instastream.pacing.PACES", FEW)


@asynccontextmanager
async def from_address(deps: Deps, address: str, **settings: Any) -> AsyncIterator[AsyncClient]:
    """Someone who asks from there."""
    app = create_app(replace(deps, settings=msgspec.structs.replace(deps.settings, **settings)))
    transport = ASGITransport(app=app, client=(address, 40_000))
    hooks = {"response": [check_answer]}
    async with AsyncClient(
        transport=transport, base_url="http://api.test", event_hooks=hooks
    ) as http:
        yield http


async def join(http: AsyncClient, name: str) -> Response:
    return await http.post("/v1/users", json={"username": name, "password": PASSWORD})


async def sign_in(http: AsyncClient, name: str = "eve", password: str = PASSWORD) -> Response:
    return await http.post("/v1/tokens", json={"username": name, "password": password})


async def refresh(http: AsyncClient, pair: Json) -> Response:
    body = {"refresh_token": pair["refresh_token"]}
    return await http.post("/v1/tokens/refresh", json=body)


@pytest_asyncio.fixture
async def still(deps: Deps, ada: Person, bob: Person) -> AsyncIterator[None]:
    """They ask where no time goes by."""
    async with serving(deps, rates=MemoryRates(lambda: 1_795_000_000_000)) as http:
        ada.http = bob.http = http
        yield


@pytest.mark.usefixtures("still")
async def test_who_asks_is_told_how_they_stand(bob: Person, post: Json) -> None:
    first, second = [await put(bob, post, text="words") for _ in range(2)]
    assert first.headers["ratelimit-policy"] == '"comments";q=20;w=60'
    assert first.headers["ratelimit"] == '"comments";r=19;t=3'
    assert second.headers["ratelimit"] == '"comments";r=18;t=6'
    assert "ratelimit" not in (await bob.get(f"/v1/posts/{post['id']}")).headers


@pytest.mark.usefixtures("few", "still")
async def test_who_is_refused_is_told_when_to_come_back(ada: Person, bob: Person) -> None:
    follow = partial(bob.ask, "PUT", f"/v1/users/{ada.id}/follow")
    assert [(await follow()).status_code for _ in range(2)] == [204, 204]
    refused = await follow()
    assert problem(refused) == (429, "too-many-requests")
    assert refused.headers["retry-after"] == "10"
    assert refused.headers["ratelimit"] == '"people";r=0;t=20'
    assert (await ada.ask("PUT", f"/v1/users/{bob.id}/follow")).status_code == 204


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    "asked",
    [
        ("POST", "/v1/uploads", declaration()),
        ("POST", "/v1/uploads", VIDEO),
        ("POST", "/v1/posts", single("6f1c8d1e-4b0a-4f3e-9c55-0d6f4b8f2f6a")),
        ("PATCH", "/v1/me", {"private": True}),
        ("GET", "/v1/feed/explain/1571234567890123456", None),
    ],
)
async def test_everyone_has_a_pace_of_their_own(
    ada: Person, bob: Person, asked: tuple[str, str, Json | None]
) -> None:
    method, path, body = asked
    for _ in range(2):
        assert (await ada.ask(method, path, json=body)).status_code != 429
    assert problem(await ada.ask(method, path, json=body)) == (429, "too-many-requests")
    assert (await bob.ask(method, path, json=body)).status_code != 429


async def test_nobody_uploads_videos_faster_than_they_can_be_transcoded(
    ada: Person, bob: Person, deps: Deps
) -> None:
    now_ms = 1_795_000_000_000
    async with serving(deps, rates=MemoryRates(lambda: now_ms)) as http:
        ada.http = bob.http = http
        upload = partial(ada.ask, "POST", "/v1/uploads")
        for _ in range(VIDEOS_RATE.at_once):
            assert (await upload(json=VIDEO)).status_code == 201
        refused = await upload(json=VIDEO)
        assert problem(refused) == (429, "too-many-requests")
        assert refused.headers["retry-after"] == "300"
        assert (await upload(json=declaration())).status_code == 201, "photographs go on"
        assert (await bob.ask("POST", "/v1/uploads", json=VIDEO)).status_code == 201
        now_ms += int(VIDEOS_RATE.every_s * 1000) - 1
        assert (await upload(json=VIDEO)).status_code == 429
        now_ms += 1
        assert [(await upload(json=VIDEO)).status_code for _ in range(2)] == [201, 429]


@pytest.mark.usefixtures("few", "still")
async def test_an_upload_that_is_refused_anyway_is_none_of_the_videos(ada: Person) -> None:
    answers = [await ada.ask("POST", "/v1/uploads", json=VIDEO) for _ in range(3)]
    assert answers[1].headers["ratelimit"] == '"uploads";r=0;t=20, "videos";r=0;t=20'
    assert answers[2].headers["ratelimit"] == '"uploads";r=0;t=20'


@pytest.mark.usefixtures("few")
async def test_few_join_from_one_address_at_once(deps: Deps) -> None:
    async with from_address(deps, "192.0.2.7") as http:
        joined = [await join(http, name) for name in ("one", "two", "three")]
    assert [one.status_code for one in joined] == [201, 201, 429]
    assert joined[0].headers["ratelimit"] == '"joins-by-address";r=1;t=10'
    async with from_address(deps, "192.0.2.8") as http:
        assert (await join(http, "three")).status_code == 201


@pytest.mark.usefixtures("few")
async def test_a_password_is_guessed_a_few_times_from_one_address(deps: Deps) -> None:
    async with from_address(deps, "192.0.2.7") as http:
        await join(http, "eve")
        guesses = [await sign_in(http, password=f"guess {n}") for n in range(3)]
        assert [one.status_code for one in guesses] == [401, 401, 429]
        assert (await sign_in(http)).status_code == 429, "who then knows it is told nothing"


async def test_who_guesses_from_one_address_keeps_nobody_else_out(deps: Deps) -> None:
    async with from_address(deps, "192.0.2.7") as http:
        await join(http, "eve")
        guesses = [await sign_in(http, password="a guess") for _ in range(GUESSES_RATE.at_once + 1)]
        assert guesses[-1].status_code == 429
    async with from_address(deps, "192.0.2.8") as http:
        assert (await sign_in(http)).status_code == 200


async def test_a_password_is_not_guessed_without_end_from_many_addresses(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {**PACES, "sign-ins-by-username": FEW["sign-ins-by-username"]}
    monkeypatch.setattr("instastream.pacing.PACES", few)
    statuses = []
    for number in range(3):
        async with from_address(deps, f"192.0.2.{number}") as http:
            statuses.append((await sign_in(http, password="a guess")).status_code)
    assert statuses == [401, 401, 429]


@pytest.mark.usefixtures("few")
async def test_who_asks_from_this_machine_is_not_counted_by_address(deps: Deps) -> None:
    async with from_address(deps, "127.0.0.1") as http:
        for name in ("one", "two", "three", "four"):
            joined = await join(http, name)
            assert joined.status_code == 201
            assert "ratelimit" not in joined.headers
        assert [(await sign_in(http, "one")).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.usefixtures("few")
async def test_where_load_comes_from_can_be_told(deps: Deps) -> None:
    network = ip_network("192.0.2.0/24")
    async with from_address(deps, "192.0.2.7", unpaced=(network,)) as http:
        assert {(await join(http, name)).status_code for name in ("one", "two", "tre")} == {201}


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", None),
        ("127.9.9.9", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("", "nowhere"),
        ("unknown", "nowhere"),
        ("127.0.0.1, 192.0.2.7", "nowhere"),
        ("x" * 10_000, "nowhere"),
    ],
)
def test_a_client_is_counted_by_its_site(host: str, counted: str | None) -> None:
    assert counted_as(host, LOOPBACK) == counted


def test_where_nobody_is_trusted_this_machine_is_not_either() -> None:
    none: tuple[Network, ...] = ()
    assert counted_as("127.0.0.1", none) == "127.0.0.1"


@pytest.mark.parametrize("name", PACES)
async def test_without_redis_what_is_open_goes_on_and_what_is_closed_waits(
    deps: Deps, name: str
) -> None:
    absent = replace(deps, rates=AbsentRates())
    if PACES[name].closed:
        with pytest.raises(Unavailable):
            await pace(name, "someone", absent)
    else:
        await pace(name, "someone", absent)


async def test_without_redis_nobody_joins_or_signs_in_and_who_is_signed_in_goes_on(
    ada: Person, bob: Person, post: Json, deps: Deps
) -> None:
    await join(ada.http, "eve")
    tokens = (await sign_in(ada.http)).json()
    async with serving(deps, rates=AbsentRates()) as http:
        for refused in (await sign_in(http), await sign_in(http, "nobody")):
            assert problem(refused) == (503, "unavailable")
            assert refused.headers["retry-after"] == "2"
        for _ in range(REFRESHES_RATE.at_once + 1):
            assert (await refresh(http, tokens)).status_code == 200
        bob.http = http
        for _ in range(PACES["comments"].rate.at_once + 1):
            await say(bob, post)
    async with from_address(replace(deps, rates=AbsentRates()), "192.0.2.7") as http:
        assert problem(await join(http, "frank")) == (503, "unavailable")


async def test_reading_has_no_pace(deps: Deps) -> None:
    """The way of the feed asks Redis once, for the list."""
    async with serving(deps, rates=AbsentRates()) as http:
        reader = await person("reader", http, deps)
        for path in ("/v1/feed", "/v1/me", f"/v1/users/{reader.id}/posts"):
            assert (await reader.get(path)).status_code == 200
    reading = {one.path for one in OPERATIONS if one.method == "GET" and one.paces}
    assert reading == {"/v1/feed/explain/{post_id}"}


def test_every_pace_is_somebodys_and_in_the_docs() -> None:
    assert {name for one in OPERATIONS for name in one.paces} == set(PACES)
    told = DOCUMENT.read_text()
    for name, one in PACES.items():
        at_once, every_s = one.rate
        away = "503" if one.closed else "not counted"
        row = f"| `{name}` | {one.of} | {at_once} | {every_s:g} s | {away} | {one.because} |"
        assert re.sub(r"(?<=\d),(?=\d)", "", told).count(row) == 1, row


async def test_a_name_that_nobody_can_have_is_not_counted(deps: Deps) -> None:
    """No key of Redis is as long as a body."""
    rates = MemoryRates(deps.now_ms)
    async with serving(deps, rates=rates) as http:
        assert (await sign_in(http, "x" * 10_000)).status_code == 422
        assert rates.full_ms == {}
