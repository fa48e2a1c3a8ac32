"""A large upload outlives the client that began it, on the real servers."""

from collections.abc import AsyncIterator
from secrets import token_bytes

import pytest
from httpx2 import AsyncClient

from instastream.client import TIMEOUT_S, Client, Refused
from instastream.limits import MEBIBYTE, PART_BYTES
from instastream.stores.s3 import S3Blobs, open_client
from instastream.stores.s3_multiparts import S3Multiparts
from instastream.uploads import ORIGINALS
from tests.cluster.conftest import System

SIZE = 40 * MEBIBYTE  # five parts


class Died(Exception):
    """What ends a client within a part."""


async def half(part: bytes) -> AsyncIterator[bytes]:
    yield part[: len(part) // 2]
    raise Died


async def die_within(client: Client, media_id: str, number: int, part: bytes) -> None:
    """Send half of a part, and break the connection."""
    put = await client.sign_part(media_id, number, part)
    async with AsyncClient(timeout=TIMEOUT_S) as http:
        with pytest.raises(Died):
            await http.put(put["url"], headers=put["headers"], content=half(part))


async def test_another_client_goes_on_where_one_has_died(system: System) -> None:
    first = await system.join("ada")
    content = token_bytes(SIZE)
    parts = [content[at : at + PART_BYTES] for at in range(0, SIZE, PART_BYTES)]
    media_id = (await first.declare(content, "video/mp4"))["media_id"]
    for number in (1, 2):
        await first.send_part(media_id, number, parts[number - 1])
    await die_within(first, media_id, 3, parts[2])

    token = first.headers["Authorization"].removeprefix("Bearer ")
    second = Client(system.http, access_token=token, user_id=first.user_id)
    seen = await second.call("GET", f"/v1/uploads/{media_id}")
    assert (seen["complete"], seen["parts"]["arrived"]) == (False, [1, 2])
    late = await second.sign_part(media_id, 1, parts[0])
    await second.resume(media_id, content)
    await second.resume(media_id, content)
    await second.finalize(media_id, caption="resumed")

    with pytest.raises(Refused) as refused:
        await second.put(late, parts[0])
    assert refused.value.status == 404
    assert (await second.complete(media_id, content))["complete"]
    async with open_client(system.settings) as s3:
        key = f"{ORIGINALS}{first.user_id}/{media_id}"
        assert await S3Blobs(s3, system.settings.bucket).get(key) == content


async def test_an_aborted_upload_leaves_no_parts(system: System) -> None:
    ada = await system.join("ada")
    content = bytes(SIZE)
    media_id = (await ada.declare(content, "video/mp4"))["media_id"]
    await ada.send_part(media_id, 1, content[:PART_BYTES])
    async with open_client(system.settings) as s3:
        multiparts = S3Multiparts(s3, system.settings.bucket)
        prefix = f"{ORIGINALS}{ada.user_id}/"
        [begun] = [one async for one in multiparts.begun(prefix)]
        for _ in range(2):
            await ada.call("DELETE", f"/v1/uploads/{media_id}")
        assert [one async for one in multiparts.begun(prefix)] == []
        assert await multiparts.parts(begun.key, begun.multipart_id) is None
