"""What the object store refuses, whatever a client sends to a presigned PUT."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from httpx2 import AsyncClient

from instastream.client import TIMEOUT_S
from instastream.deps import Deps, open_deps
from instastream.limits import UPLOAD_TTL_S
from instastream.settings import Settings
from instastream.stores.blobs import SignedPut
from tests.stores import test_multipart as multiparts
from tests.stores.test_blobs import CONTENT, send, sign


@pytest_asyncio.fixture(scope="session")
async def deps(settings: Settings) -> AsyncIterator[Deps]:
    async with open_deps(settings) as deps:
        yield deps


@pytest.mark.parametrize(
    ("sent", "headers", "statuses"),
    [
        pytest.param(b"AN ORIGINAL", {}, {400}, id="other bytes"),
        pytest.param(CONTENT, {"content-type": "text/html"}, {400, 403}, id="another type"),
        pytest.param(CONTENT + b"!", {"content-length": "12"}, {400, 403}, id="more bytes"),
        pytest.param(CONTENT, {"if-none-match": "x"}, {400, 403}, id="leave to overwrite"),
    ],
)
async def test_a_signed_put_takes_only_what_was_signed(
    deps: Deps, sent: bytes, headers: dict[str, str], statuses: set[int]
) -> None:
    key = f"uploads/1/{uuid4()}"
    response = await send(deps, await sign(deps, key), sent, **headers)
    assert response.status_code in statuses
    assert await deps.blobs.head(key) is None


async def test_a_signed_put_never_overwrites(deps: Deps) -> None:
    put = await sign(deps, f"uploads/1/{uuid4()}")
    assert (await send(deps, put, CONTENT)).status_code == 200
    assert (await send(deps, put, CONTENT)).status_code == 412


@pytest.mark.parametrize(
    ("signed", "instead"),
    [
        pytest.param("uploads/1/", "uploads/2/", id="another user's key"),
        pytest.param("uploads/1/", "media/", id="what everyone sees"),
        pytest.param("uploads/1/", "uploads/1/../../originals/", id="a way around"),
        pytest.param(f"X-Amz-Expires={UPLOAD_TTL_S}", "X-Amz-Expires=604800", id="more time"),
        pytest.param("if-none-match%3B", "", id="leave to overwrite"),
        pytest.param("X-Amz-SignedHeaders=", "acl=&X-Amz-SignedHeaders=", id="another request"),
    ],
)
async def test_what_is_signed_can_not_be_made_another_request(
    deps: Deps, signed: str, instead: str
) -> None:
    put = await sign(deps, f"uploads/1/{uuid4()}")
    assert signed in put.url
    other = SignedPut(put.url.replace(signed, instead), put.headers)
    assert (await send(deps, other, CONTENT)).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST"])
async def test_leave_to_put_is_leave_for_nothing_else(deps: Deps, method: str) -> None:
    key = f"uploads/1/{uuid4()}"
    put = await sign(deps, key)
    assert (await send(deps, put, CONTENT)).status_code == 200
    async with AsyncClient(timeout=TIMEOUT_S) as http:
        headers = {name: put.headers[name] for name in put.headers if name != "content-length"}
        answer = await http.request(method, put.url, headers=headers)
        assert answer.status_code in (403, 405)
    assert await deps.blobs.get(key) == CONTENT


@pytest.mark.parametrize(("late_s", "status"), [(-30, 200), (30, 403)])
async def test_a_signed_put_ends(
    deps: Deps, monkeypatch: pytest.MonkeyPatch, late_s: int, status: int
) -> None:
    signed = datetime.now(UTC) - timedelta(seconds=UPLOAD_TTL_S + late_s)
    with monkeypatch.context() as then:
        then.setattr("botocore.auth.get_current_datetime", lambda: signed)
        put = await sign(deps, f"uploads/1/{uuid4()}")
    assert (await send(deps, put, CONTENT)).status_code == status


@pytest.mark.parametrize(
    "header",
    [
        {"x-amz-acl": "public-read"},
        {"x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'},
        {"x-amz-copy-source": "{bucket}/{other}"},
        {"x-amz-website-redirect-location": "http://evil.example/"},
    ],
    ids=lambda header: next(iter(header)),
)
async def test_a_header_more_makes_nothing_else_of_a_signed_put(
    deps: Deps, header: dict[str, str]
) -> None:
    """Some stores refuse what was not signed, others don't mind: neither obeys it."""
    bucket, key = deps.settings.bucket, f"uploads/1/{uuid4()}"
    other = f"uploads/2/{uuid4()}"
    await deps.blobs.put(other, b"another's", content_type="image/jpeg")
    more = {name: value.format(bucket=bucket, other=other) for name, value in header.items()}
    await send(deps, await sign(deps, key), CONTENT, **more)
    if await deps.blobs.head(key):
        assert await deps.blobs.get(key) == CONTENT
    async with AsyncClient(timeout=TIMEOUT_S) as http:
        answer = await http.get(f"{deps.settings.s3}/{bucket}/{key}")
        assert answer.status_code in (403, 404)


async def test_what_is_a_post_is_not_overwritten(deps: Deps) -> None:
    """As long as its bytes are there; later there is nothing that anyone looks at."""
    key = f"uploads/1/{uuid4()}"
    put = await sign(deps, key)
    await send(deps, put, CONTENT)
    assert (await send(deps, put, CONTENT)).status_code == 412
    assert (await send(deps, await sign(deps, key), CONTENT)).status_code == 412


@pytest.mark.parametrize(
    ("sent", "headers", "statuses"),
    [
        pytest.param(multiparts.OTHER, {}, {400}, id="other bytes"),
        pytest.param(b"the rest!", {"content-length": "9"}, {400, 403}, id="more bytes"),
        pytest.param(
            multiparts.OTHER,
            {"x-amz-checksum-sha256": multiparts.base64_sha256(multiparts.OTHER)},
            {400, 403},
            id="another checksum",
        ),
    ],
)
async def test_a_signed_part_takes_only_what_was_signed(
    deps: Deps, sent: bytes, headers: dict[str, str], statuses: set[int]
) -> None:
    key = f"uploads/1/{uuid4()}"
    multipart_id = await multiparts.begin(deps, key)
    put = await multiparts.sign(deps, key, multipart_id, 2)
    assert await multiparts.send(deps, put, sent, **headers) in statuses
    elsewhere = SignedPut(put.url.replace("partNumber=2", "partNumber=1"), put.headers)
    assert await multiparts.send(deps, elsewhere, multiparts.CONTENTS[2]) == 403
    assert await deps.multiparts.parts(key, multipart_id) == {}
