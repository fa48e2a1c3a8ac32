"""An Idempotency-Key binds a client's retries to one request."""

import pytest

from instastream.limits import IDEMPOTENCY_KEY_LENGTH_MAX
from tests.unit.api.conftest import NOBODYS, Person, problem, single


async def test_an_idempotency_key_belongs_to_one_request(ada: Person, bob: Person) -> None:
    key = {"idempotency-key": "k" * IDEMPOTENCY_KEY_LENGTH_MAX}
    body = single(await ada.upload())
    first = await ada.ask("POST", "/v1/posts", json=body, headers=key)
    again = await ada.ask("POST", "/v1/posts", json=body, headers=key)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    other = single(await ada.upload())
    reused = await ada.ask("POST", "/v1/posts", json=other, headers=key)
    assert problem(reused) == (409, "idempotency-key-reused")
    bobs = await bob.ask("POST", "/v1/posts", json=single(await bob.upload()), headers=key)
    assert bobs.status_code == 202


@pytest.mark.parametrize(
    "key", ["", "two words", "k" * (IDEMPOTENCY_KEY_LENGTH_MAX + 1), "\u00fc", "a\tb"]
)
async def test_an_idempotency_key_is_short_and_printable(ada: Person, key: str) -> None:
    headers = [(b"idempotency-key", key.encode("latin-1")), *_raw(ada.headers)]
    body = single(NOBODYS)
    response = await ada.http.request("POST", "/v1/posts", json=body, headers=headers)
    assert problem(response) == (422, "invalid-request")
    assert response.json()["errors"][0]["header"] == "Idempotency-Key"


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
