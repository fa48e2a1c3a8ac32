"""What is private is served to whoever holds a link of ours, until it expires."""

import time

import pytest
from httpx2 import AsyncClient
from msgspec.structs import replace

from instastream.limits import PRIVATE_CACHE_S, PRIVATE_URL_TTL_S
from instastream.media_urls import media_url
from tests.conftest import IN_MEMORY
from tests.edge.conftest import BUCKET, DIGEST, EDGE_KEY, SECRET, Origin

OTHER = f"private/{DIGEST}/1-1/720p/00000.m4s"


def link(key: str = SECRET, *, ago_s: int = 0, edge_key: bytes = EDGE_KEY) -> str:
    """What follows the bucket in a link that was made so long ago."""
    settings = replace(IN_MEMORY, edge="", edge_key=edge_key)
    url = media_url(settings, key, now_s=int(time.time()) - ago_s)
    return url.removeprefix(f"/{settings.bucket}/")


async def test_a_link_opens_its_folder_for_a_while(edge: AsyncClient, store: Origin) -> None:
    seen = [await edge.get(link()) for _ in range(2)]
    for response, cached in zip(seen, ("MISS", "HIT"), strict=True):
        assert (response.status_code, response.content) == (200, b"frames")
        assert response.headers["cache-control"] == f"private, max-age={PRIVATE_CACHE_S}"
        assert response.headers["x-cache"] == cached
        assert response.headers["content-type"] == "video/iso.segment"


async def test_a_playlists_relative_urls_inherit_the_link(edge: AsyncClient, store: Origin) -> None:
    folder = SECRET.rpartition("/720p")[0]
    store.objects[f"{folder}/master.m3u8"] = ("application/vnd.apple.mpegurl", b"720p/00000.m4s")
    master = await edge.get(link(f"{folder}/master.m3u8"))
    segment = await edge.get(str(master.url.join(master.text)))
    assert (segment.status_code, segment.content) == (200, b"frames")


async def test_all_links_to_an_object_share_what_is_cached(
    edge: AsyncClient, store: Origin
) -> None:
    new, old = link(), link(ago_s=PRIVATE_URL_TTL_S)
    assert new != old
    assert [(await edge.get(path)).status_code for path in (new, old, new)] == [200] * 3
    assert store.asked == {f"/{BUCKET}/{SECRET}": 1}


def altered() -> dict[str, str]:
    """Links that are not ours, or not any more."""
    _, expires, token, *_ = link().split("/")
    return {
        "expired": link(ago_s=3 * PRIVATE_URL_TTL_S),
        "prolonged": link().replace(expires, str(int(expires) + 1)),
        "tampered": link().replace(token, ("B" if token[0] == "A" else "A") + token[1:]),
        "other key": link(edge_key=bytes(32)),
        "other folder": link().replace(SECRET, OTHER),
    }


@pytest.mark.parametrize("case", altered())
async def test_no_other_link_opens_anything(edge: AsyncClient, store: Origin, case: str) -> None:
    store.objects[OTHER] = store.objects[SECRET]
    await edge.get(link())  # also what is cached
    refused = await edge.get(altered()[case])
    assert (refused.status_code, refused.headers["cache-control"]) == (403, "no-store")
    assert refused.headers["access-control-allow-origin"] == "*"
    assert b"frames" not in refused.content
    assert store.asked.total() == 1


async def test_a_link_of_another_bucket_is_refused(edge: AsyncClient) -> None:
    refused = await edge.get(edge.base_url.join(f"/other-bucket/{link()}"))
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        SECRET,
        "signed/" + SECRET,
        link().replace(SECRET, "uploads/7/it"),
        link().replace(SECRET, f"media/{DIGEST}/1-0/full.webp"),
        link().replace(SECRET, SECRET + "/../../../../../uploads/7"),
        link().replace(SECRET, f"private/{DIGEST}/1-0/..%2f..%2f..%2fuploads/7"),
        link().replace(SECRET, f"private/{DIGEST}/1-0"),
    ],
)
async def test_without_a_link_there_is_nothing(edge: AsyncClient, store: Origin, path: str) -> None:
    assert (await edge.get(path)).status_code == 404
    assert store.asked.total() == 0


async def test_what_is_not_there_is_missing_with_a_link_too(edge: AsyncClient) -> None:
    missing = await edge.get(link(OTHER))
    assert (missing.status_code, missing.headers["cache-control"]) == (404, "max-age=1")
