"""Whatever goes wrong, a client reads what, as a problem with a stable type."""

import ast
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from httpx2 import AsyncClient

import instastream
from instastream.api.problems import PROBLEMS
from instastream.deps import Deps
from instastream.errors import Unavailable
from instastream.ids import UserId
from instastream.limits import REQUEST_BYTES_MAX
from instastream.stores.memory import MemoryUsers
from instastream.stores.users import User
from tests.unit.api.conftest import PASSWORD, Person, problem, serving

SOURCES = Path(instastream.__path__[0])
JSON = {"content-type": "application/json"}
EVE = {"username": "eve", "password": PASSWORD}


async def test_an_unknown_route_is_a_problem(http: AsyncClient) -> None:
    for path in ("/", "/v1/nothing", "/v1/feed/", "/v2/feed", "/%00", "/v1/users/1/2/3"):
        response = await http.get(path)
        assert problem(response) == (404, "not-found")
        assert response.json()["detail"].endswith(": see /openapi.json")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/feed", "GET, HEAD"),
        ("GET", "/v1/users/1571234567890123456/follow", "DELETE, PUT"),
        ("GET", "/v1/uploads", "POST"),
        ("OPTIONS", "/v1/posts", "POST"),
        ("BREW", "/v1/posts", "POST"),
    ],
)
async def test_a_method_that_is_not_there_names_those_that_are(
    http: AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await http.request(method, path)
    assert problem(response) == (405, "method-not-allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nonsense",
        json.dumps(EVE).encode() + b" more",
        b'{"username": "\xff"}',
        b'{"username": "\\ud800',
        b'{"username": "\\ud800", "password": ' + b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        b'{"username": NaN}',
        json.dumps(EVE).encode("utf-16"),
    ],
)
async def test_what_is_not_json_is_refused(http: AsyncClient, raw: bytes) -> None:
    response = await http.post("/v1/users", content=raw, headers=JSON)
    assert problem(response) == (400, "malformed-json")
    assert response.json()["detail"].startswith("the body is not JSON: ")


@pytest.mark.parametrize(
    ("raw", "half"),
    [
        (b'{"username": "\\ud800"}', "ud800"),
        (b'{"username": "eve\\uD83C\\n"}', "ud83c"),
        (b'{"password": "\\udc00\\ud800"}', "udc00"),
        (b'{"\\ud800": 1}', "ud800"),
        (b'{"username": "\xed\xa0\xbc"}', "ud83c"),
    ],
)
async def test_half_a_character_is_called_by_its_name(
    http: AsyncClient, raw: bytes, half: str
) -> None:
    response = await http.post("/v1/users", content=raw, headers=JSON)
    assert problem(response) == (400, "malformed-json")
    what = f"the body holds half a character: \\{half} without its other half"
    assert response.json()["detail"] == what


async def test_both_halves_of_a_character_are_one(http: AsyncClient) -> None:
    raw = b'{"username": "eve", "password": "\\ud83c\\udf3b \\\\ud83c and more"}'
    assert (await http.post("/v1/users", content=raw, headers=JSON)).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ([], "#", "Expected `object`, got `array`"),
        ("eve", "#", "Expected `object`, got `str`"),
        ({"password": PASSWORD}, "#/username", "username: is missing"),
        (EVE | {"admin": True}, "#/admin", "admin: there is no such field"),
        (EVE | {"a/b~c": 1}, "#/a~1b~0c", "a/b~c: there is no such field"),
        (EVE | {"username": 7}, "#/username", "username: Expected `str`, got `int`"),
        (EVE | {"username": ["eve"]}, "#/username", "username: Expected `str`, got `array`"),
        (
            EVE | {"username": "Eve"},
            "#/username",
            "username: must hold only lower-case letters, digits, `_`, and `.` except at its ends",
        ),
        (EVE | {"username": "e"}, "#/username", "username: Expected `str` of length >= 3"),
    ],
)
async def test_a_body_that_is_not_as_described_is_explained(
    http: AsyncClient, body: object, pointer: str, detail: str
) -> None:
    response = await http.post("/v1/users", json=body)
    assert problem(response) == (422, "invalid-request")
    assert response.json()["errors"] == [{"detail": detail, "pointer": pointer}]
    assert response.json()["detail"] == detail


@pytest.mark.parametrize("raw", [b"null", b"[" * 60_000, b'{"username":' + b"[" * 60_000])
async def test_a_body_is_an_object(http: AsyncClient, raw: bytes) -> None:
    response = await http.post("/v1/users", content=raw, headers=JSON)
    assert problem(response) == (422, "invalid-request")


async def test_a_long_name_is_not_thrown_back_whole(http: AsyncClient) -> None:
    response = await http.post("/v1/users", json={"x" * 60_000: 1})
    assert problem(response) == (422, "invalid-request")
    assert len(response.content) < 2_000


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "json", "\u00fc"]
)
async def test_a_body_that_is_not_called_json_is_refused(
    http: AsyncClient, content_type: str | None
) -> None:
    given = [] if content_type is None else [(b"content-type", content_type.encode("latin-1"))]
    response = await http.post("/v1/users", content=json.dumps(EVE), headers=given)
    assert problem(response) == (415, "not-json")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_by_its_other_names_is_accepted(http: AsyncClient, content_type: str) -> None:
    headers = {"content-type": content_type}
    response = await http.post("/v1/users", content=json.dumps(EVE), headers=headers)
    assert response.status_code == 201


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("size_bytes", "status"),
    [(REQUEST_BYTES_MAX - 1, 201), (REQUEST_BYTES_MAX, 201), (REQUEST_BYTES_MAX + 1, 413)],
)
async def test_a_body_has_a_limit(
    http: AsyncClient, chunked: bool, size_bytes: int, status: int
) -> None:
    raw = json.dumps(EVE).encode().ljust(size_bytes)
    content = _chunks(raw) if chunked else raw
    response = await http.post("/v1/users", content=content, headers=JSON)
    assert response.status_code == status
    assert status == 201 or problem(response) == (413, "request-too-large")


async def test_a_length_of_any_number_of_digits_is_read(http: AsyncClient) -> None:
    raw = json.dumps(EVE).encode()
    headers = JSON | {"content-length": str(len(raw)).zfill(5_000)}
    response = await http.post("/v1/users", content=raw, headers=headers)
    assert response.status_code == 201


async def _chunks(raw: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), 1_000):
        yield raw[start : start + 1_000]


async def test_no_more_of_a_body_is_read_than_the_limit(http: AsyncClient) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while taken < 100 * REQUEST_BYTES_MAX:
            taken += 1_000
            yield b" " * 1_000

    response = await http.post("/v1/users", content=endless(), headers=JSON)
    assert problem(response) == (413, "request-too-large")
    assert taken <= REQUEST_BYTES_MAX + 2_000


async def test_whoever_is_not_signed_in_is_told_so_before_the_body_is_read(
    http: AsyncClient,
) -> None:
    too_large = b" " * (REQUEST_BYTES_MAX + 1)
    response = await http.post("/v1/posts", content=too_large, headers=JSON)
    assert problem(response) == (401, "missing-token")


class BrokenUsers(MemoryUsers):
    """A store with a bug."""

    async def get(self, user_id: UserId) -> User | None:
        raise RuntimeError("a secret of ours")


async def test_a_mistake_of_ours_is_a_problem_that_tells_nothing(ada: Person, deps: Deps) -> None:
    async with serving(deps, users=BrokenUsers()) as http:
        response = await http.get(f"/v1/users/{ada.id}", headers=ada.headers)
    assert problem(response) == (500, "internal-error")
    assert "secret" not in response.text
    trace = response.headers["traceparent"].split("-")[1]
    assert response.json()["instance"] == f"trace:{trace}"


class AbsentUsers(MemoryUsers):
    """A store that is down."""

    async def get(self, user_id: UserId) -> User | None:
        raise Unavailable("cassandra", "no host at 10.1.2.3")


async def test_a_store_that_is_down_is_said_to_be_so(ada: Person, deps: Deps) -> None:
    async with serving(deps, users=AbsentUsers()) as http:
        response = await http.get(f"/v1/users/{ada.id}", headers=ada.headers)
    assert problem(response) == (503, "unavailable")
    assert "cassandra" in response.json()["detail"]
    assert "10.1.2.3" not in response.text


async def test_every_type_of_problem_can_be_read(http: AsyncClient) -> None:
    for slug, kind in PROBLEMS.items():
        described = (await http.get(f"/problems/{slug}")).json()
        assert described["type"] == f"/problems/{slug}"
        assert described["status"] == kind.status
        assert described["title"]
        assert described["advice"]
    assert problem(await http.get("/problems/nonsense")) == (404, "not-found")


def test_every_problem_that_is_raised_is_in_the_table_and_no_other() -> None:
    slugs = {
        call.args[0].value
        for path in SOURCES.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and _name(call) in ("Rejected", "respond") and call.args
        if isinstance(call.args[0], ast.Constant)
    }
    assert slugs | {"invalid-request"} == set(PROBLEMS)


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
