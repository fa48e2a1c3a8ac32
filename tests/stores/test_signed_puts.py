"""What the object store refuses, whatever a client sends to a presigned PUT."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from instastream.deps import Deps, open_deps
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
