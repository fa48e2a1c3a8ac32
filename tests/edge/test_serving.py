"""What the edge says of media, so that browsers, players and caches do the right thing."""

import pytest
from httpx2 import AsyncClient

from tests.edge.conftest import DIGEST, FULL, Origin

FOREVER = "public, max-age=31536000, immutable"


async def test_media_is_kept_for_a_year_and_asked_for_again_by_its_etag(edge: AsyncClient) -> None:
    first = await edge.get(FULL)
    assert (first.status_code, first.content) == (200, b"pixels" * 100)
    assert first.headers["cache-control"] == FOREVER
    again = await edge.get(FULL, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == FOREVER
    assert again.headers["etag"] == first.headers["etag"]


async def test_it_is_media_and_nothing_else_to_every_browser(edge: AsyncClient) -> None:
    for path in (FULL, "media/none"):
        headers = (await edge.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert headers["cross-origin-resource-policy"] == "cross-origin"
        assert headers["access-control-allow-origin"] == "*"


async def test_nothing_varies_and_nothing_tells_when_it_was_first_posted(edge: AsyncClient) -> None:
    asking = {"origin": "https://player.test", "accept-encoding": "gzip, br"}
    for headers in ({}, asking):
        seen = await edge.get(FULL, headers=headers)
        told = {"vary", "last-modified", "set-cookie", "content-encoding"}
        assert not told & set(seen.headers)
        assert seen.headers["access-control-allow-origin"] == "*"


async def test_a_part_is_served_as_a_part(edge: AsyncClient, store: Origin) -> None:
    for first, last, kept in ((0, 5, FOREVER), (6, 7, "max-age=1")):
        part = await edge.get(FULL, headers={"range": f"bytes={first}-{last}"})
        assert (part.status_code, part.content) == (206, b"pixels"[first % 6 : last % 6 + 1])
        assert part.headers["content-range"] == f"bytes {first}-{last}/600"
        assert part.headers["cache-control"] == kept
    assert (await edge.get(FULL)).headers["x-cache"] == "HIT"
    changed = await edge.get(FULL, headers={"range": "bytes=6-7", "if-range": '"other"'})
    assert changed.status_code == 200
    assert store.asked.total() == 1


async def test_a_part_that_is_not_there_is_not_remembered(edge: AsyncClient) -> None:
    for part in ("600-", "600-700", "0-5-", "0-" + "9" * 20):
        refused = await edge.get(FULL, headers={"range": f"bytes={part}"})
        assert refused.status_code == 416
        assert refused.headers["content-range"] == "bytes */600"
        assert refused.headers.get_list("cache-control") == ["max-age=1"]
        assert refused.headers.get_list("access-control-allow-origin") == ["*"]


async def test_a_player_on_another_site_may_ask_for_parts(edge: AsyncClient) -> None:
    asking = {"origin": "https://player.test", "access-control-request-method": "GET"}
    allowed = await edge.options(FULL, headers=asking | {"access-control-request-headers": "range"})
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert allowed.headers["cache-control"] == "max-age=1"
    assert allowed.headers["access-control-allow-methods"] == "GET, HEAD"
    assert "Range" in allowed.headers["access-control-allow-headers"]
    seen = (await edge.get(FULL)).headers
    assert seen["access-control-expose-headers"] == "Content-Length, Content-Range, ETag"
    assert "access-control-allow-methods" not in seen


async def test_its_head_is_that_of_the_whole(edge: AsyncClient) -> None:
    head = await edge.head(FULL)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == "600"
    assert head.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("kind", ["application/vnd.apple.mpegurl", "video/mp4", "image/webp"])
async def test_a_type_is_the_one_it_was_stored_with(
    edge: AsyncClient, store: Origin, kind: str
) -> None:
    store.objects[f"media/{DIGEST}/1-0/720p/index.m3u8"] = (kind, b"#EXTM3U\n" * 400)
    seen = await edge.get(f"media/{DIGEST}/1-0/720p/index.m3u8")
    assert seen.headers["content-type"] == kind


async def test_what_is_missing_is_asked_for_again_soon(edge: AsyncClient, store: Origin) -> None:
    missing = await edge.get("media/none")
    assert (missing.status_code, missing.headers["cache-control"]) == (404, "max-age=1")
    assert b"<Error/>" not in missing.content
