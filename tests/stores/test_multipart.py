"""The contract of Multiparts."""

import asyncio
import base64
from hashlib import sha256
from uuid import uuid4

import pytest
from httpx2 import AsyncClient

from instastream.client import TIMEOUT_S
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.limits import MEBIBYTE
from instastream.parts import composite, sha256_of_parts
from instastream.stores.blobs import Blob, SignedPut
from instastream.stores.memory_multiparts import MemoryMultiparts
from instastream.stores.multiparts import Part


def base64_sha256(content: bytes) -> str:
    return base64.b64encode(sha256(content).digest()).decode()


CONTENTS = {1: b"a" * 5 * MEBIBYTE, 2: b"the rest"}  # S3 takes no smaller ones but as the last
OTHER = b"a rest!!"
SHA256S = [base64_sha256(part) for part in CONTENTS.values()]
TYPE = "video/mp4"
WITHIN_A_SECOND_S = 1.1  # the store does not tell times apart


@pytest.fixture
def key() -> str:
    return f"uploads/1/{uuid4()}"


async def sign(
    deps: Deps, key: str, multipart_id: str, number: int, content: bytes | None = None
) -> SignedPut:
    content = content or CONTENTS[number]
    return await deps.multiparts.sign_part(
        key, multipart_id, number, size_bytes=len(content), sha256=base64_sha256(content)
    )


async def send(deps: Deps, put: SignedPut, content: bytes, **headers: str) -> int:
    """What a client's PUT does; the status that is answered."""
    if isinstance(deps.multiparts, MemoryMultiparts):
        return 200 if deps.multiparts.take(put, content) else 404
    async with AsyncClient(timeout=TIMEOUT_S) as http:
        response = await http.put(put.url, headers={**put.headers, **headers}, content=content)
    return response.status_code


async def begin(deps: Deps, key: str, *numbers: int) -> str:
    """A multipart of which these parts have arrived."""
    multipart_id = await deps.multiparts.begin(key, content_type=TYPE)
    for number in numbers:
        put = await sign(deps, key, multipart_id, number)
        assert await send(deps, put, CONTENTS[number]) == 200
    return multipart_id


async def complete(deps: Deps, key: str, multipart_id: str, parts: dict[int, Part]) -> bool:
    in_order = [parts[number] for number in sorted(parts)]
    return await deps.multiparts.complete(key, multipart_id, in_order, SHA256S)


async def arrived(deps: Deps, key: str, multipart_id: str) -> dict[int, Part]:
    parts = await deps.multiparts.parts(key, multipart_id)
    assert parts is not None
    return parts


async def test_parts_become_an_object_whatever_came_first(deps: Deps, key: str) -> None:
    multipart_id = await begin(deps, key, 2, 1)
    parts = await arrived(deps, key, multipart_id)
    assert {n: part.size_bytes for n, part in parts.items()} == {1: 5 * MEBIBYTE, 2: 8}
    assert await deps.blobs.head(key) is None
    assert await complete(deps, key, multipart_id, parts)
    assert await deps.blobs.head(key) == Blob(
        5 * MEBIBYTE + 8, composite(sha256_of_parts(SHA256S), 2)
    )
    assert await deps.blobs.get(key) == b"".join(CONTENTS.values())


async def test_a_part_that_is_sent_again_is_one_part(deps: Deps, key: str) -> None:
    multipart_id = await begin(deps, key, 1, 2, 2, 1)
    parts = await arrived(deps, key, multipart_id)
    assert sorted(parts) == [1, 2]
    assert await complete(deps, key, multipart_id, parts)
    assert await deps.blobs.get(key) == b"".join(CONTENTS.values())


async def test_a_part_of_other_bytes_is_seen_and_can_be_sent_again(deps: Deps, key: str) -> None:
    multipart_id = await begin(deps, key, 1)
    put = await sign(deps, key, multipart_id, 2, OTHER)
    assert await send(deps, put, OTHER) == 200
    with pytest.raises(Rejected) as rejected:
        await complete(deps, key, multipart_id, await arrived(deps, key, multipart_id))
    assert rejected.value.problem == "upload-mismatch"
    assert await deps.blobs.head(key) is None
    await asyncio.sleep(WITHIN_A_SECOND_S)
    assert await send(deps, await sign(deps, key, multipart_id, 2), CONTENTS[2]) == 200
    assert await complete(deps, key, multipart_id, await arrived(deps, key, multipart_id))
    assert await deps.blobs.get(key) == b"".join(CONTENTS.values())


async def test_what_is_complete_takes_nothing_more(deps: Deps, key: str) -> None:
    multipart_id = await begin(deps, key, 1, 2)
    parts = await arrived(deps, key, multipart_id)
    late = await sign(deps, key, multipart_id, 2)
    assert await complete(deps, key, multipart_id, parts)
    assert await send(deps, late, CONTENTS[2]) == 404
    assert await deps.multiparts.parts(key, multipart_id) is None
    await complete(deps, key, multipart_id, parts)
    await deps.multiparts.abort(key, multipart_id)
    assert await deps.blobs.get(key) == b"".join(CONTENTS.values())


async def test_completing_never_overwrites(deps: Deps, key: str) -> None:
    multipart_id = await begin(deps, key, 1, 2)
    parts = await arrived(deps, key, multipart_id)
    await deps.blobs.put(key, OTHER, content_type=TYPE)
    assert await complete(deps, key, multipart_id, parts)
    assert await deps.blobs.get(key) == OTHER


async def test_what_is_aborted_leaves_nothing_and_takes_nothing(deps: Deps, key: str) -> None:
    multipart_id = await begin(deps, key, 1, 2)
    parts = await arrived(deps, key, multipart_id)
    late = await sign(deps, key, multipart_id, 2)
    for _ in range(2):
        await deps.multiparts.abort(key, multipart_id)
    assert await deps.multiparts.parts(key, multipart_id) is None
    assert await send(deps, late, CONTENTS[2]) == 404
    assert not await complete(deps, key, multipart_id, parts)
    assert await deps.blobs.head(key) is None
    assert [one async for one in deps.multiparts.begun(key)] == []


async def test_what_is_under_way_can_be_listed(deps: Deps, key: str) -> None:
    multipart_ids = {await begin(deps, f"{key}/{n}") for n in range(3)}
    await begin(deps, f"another/{key}")
    begun = [one async for one in deps.multiparts.begun(f"{key}/")]
    assert {one.multipart_id for one in begun} == multipart_ids
    assert sorted(one.key for one in begun) == [f"{key}/{n}" for n in range(3)]
    if not isinstance(deps.multiparts, MemoryMultiparts):
        assert all(abs(deps.now_ms() - one.begun_ms) < 60_000 for one in begun)
