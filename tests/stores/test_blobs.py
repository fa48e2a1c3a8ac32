"""The contract of Blobs."""

import base64
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from httpx2 import AsyncClient, Response

from instastream.client import TIMEOUT_S
from instastream.deps import Deps
from instastream.errors import Corrupt
from instastream.stores import s3
from instastream.stores.blobs import Blob, SignedPut
from instastream.stores.memory import MemoryBlobs

CONTENT = b"an original"
SHA256 = base64.b64encode(sha256(CONTENT).digest()).decode()


@pytest.fixture
def key() -> str:
    return f"uploads/1/{uuid4()}"


async def sign(deps: Deps, key: str) -> SignedPut:
    return await deps.blobs.sign_put(
        key, content_type="image/jpeg", size_bytes=len(CONTENT), sha256=SHA256
    )


async def send(deps: Deps, put: SignedPut, content: bytes, **headers: str) -> Response:
    """What a client's PUT does."""
    if isinstance(deps.blobs, MemoryBlobs):
        deps.blobs.take(put, content)
        return Response(200)
    async with AsyncClient(timeout=TIMEOUT_S) as http:
        return await http.put(put.url, headers={**put.headers, **headers}, content=content)


async def test_what_a_client_put_is_there_as_it_was_signed(deps: Deps, key: str) -> None:
    assert await deps.blobs.head(key) is None
    put = await sign(deps, key)
    assert (await send(deps, put, CONTENT)).status_code == 200
    assert await deps.blobs.head(key) == Blob(len(CONTENT), SHA256)
    assert await deps.blobs.get(key) == CONTENT


async def test_an_object_can_be_put_again(deps: Deps, key: str) -> None:
    for _ in range(2):
        await deps.blobs.put(key, b"webp", content_type="image/webp")
    assert await deps.blobs.get(key) == b"webp"


async def test_a_missing_original_is_corrupt(deps: Deps, key: str) -> None:
    with pytest.raises(Corrupt) as raised:
        await deps.blobs.get(key)
    assert raised.value.reason == "missing-original"


async def test_a_copy_is_the_same_bytes_and_needs_a_source(deps: Deps, key: str) -> None:
    await deps.blobs.put(key, CONTENT, content_type="image/jpeg")
    await deps.blobs.copy(key, f"originals/{key}", size_bytes=1)
    assert await deps.blobs.get(f"originals/{key}") == CONTENT
    with pytest.raises(Corrupt) as raised:
        await deps.blobs.copy(f"{key}/nothing", f"originals/{key}", size_bytes=1)
    assert raised.value.reason == "missing-original"


async def test_a_listing_is_all_that_begins_so_and_deleted_is_gone(deps: Deps, key: str) -> None:
    for name in ("b", "a", "c/d"):
        await deps.blobs.put(f"{key}/{name}", name.encode(), content_type="image/webp")
    listed = await deps.blobs.list(f"{key}/")
    assert [(one.key.removeprefix(key), one.size_bytes) for one in listed] == [
        ("/a", 1),
        ("/b", 1),
        ("/c/d", 3),
    ]
    assert all(abs(one.modified_ms - deps.now_ms()) < 60_000 for one in listed)
    await deps.blobs.delete([f"{key}/a", f"{key}/c/d", f"{key}/never"])
    assert await deps.blobs.list(f"{key}/") == listed[1:2]
    await deps.blobs.delete([])


@pytest.mark.parametrize("listed_at_once", [2, 1_000])
async def test_pages_are_the_list_bit_by_bit(
    deps: Deps, key: str, listed_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PAGE_LENGTH", listed_at_once)
    for name in ("a/a", "b/a", "b/b", "c/a", "d/a", "d/b"):
        await deps.blobs.put(f"{key}/{name}", b"", content_type="image/webp")
    await deps.blobs.put(f"{key}~/a", b"", content_type="image/webp")
    every = await deps.blobs.list(f"{key}/")
    assert await deps.blobs.page(f"{key}/", after="", limit=4) == every[:4]
    assert await deps.blobs.page(f"{key}/", after=every[3].key, limit=4) == every[4:]
    assert await deps.blobs.page(f"{key}/", after=every[0].key, limit=3) == every[1:4]
    assert await deps.blobs.page(f"{key}/", after=every[5].key, limit=2) == []


async def test_a_page_comes_also_after_what_was_deleted(deps: Deps, key: str) -> None:
    for name in ("a/a", "b/a", "b/b", "c/a"):
        await deps.blobs.put(f"{key}/{name}", b"", content_type="image/webp")
    every = await deps.blobs.list(f"{key}/")
    for at in range(3):
        await deps.blobs.delete([every[at].key])
        page = await deps.blobs.page(f"{key}/", after=every[at].key, limit=2)
        assert page == every[at + 1 : at + 3]


async def test_listings_and_deletions_go_on_past_a_page(
    deps: Deps, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PAGE_LENGTH", 2)
    keys = [f"{key}/{number}" for number in range(5)]
    for one in keys:
        await deps.blobs.put(one, b"", content_type="image/webp")
    assert [found.key for found in await deps.blobs.list(key)] == keys
    await deps.blobs.delete(keys)
    assert await deps.blobs.list(key) == []


async def test_a_file_goes_in_and_comes_out_as_it_was(deps: Deps, key: str, tmp_path: Path) -> None:
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(bytes(range(256)) * 12_000)  # three chunks
    await deps.blobs.upload(key, sent, content_type="video/iso.segment")
    assert await deps.blobs.head(key) == Blob(3_072_000, None)
    await deps.blobs.download(key, received)
    assert received.read_bytes() == sent.read_bytes()


async def test_a_missing_original_can_not_be_downloaded(
    deps: Deps, key: str, tmp_path: Path
) -> None:
    with pytest.raises(Corrupt) as raised:
        await deps.blobs.download(key, tmp_path / "received")
    assert raised.value.reason == "missing-original"
