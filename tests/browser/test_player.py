"""A real Chromium plays what a video became through the edge, from a page of another origin."""

import asyncio
import json
import time
from pathlib import Path, PurePath
from urllib.parse import quote

import pytest
from httpx2 import AsyncClient

from instastream.media import CONTENT_TYPES, media_folder
from instastream.media_urls import media_url
from instastream.settings import Settings
from instastream.stores.s3 import S3Blobs, open_client
from tests.browser.chromium import Browser, showing
from tests.browser.conftest import Site
from tests.browser.ladder import SECONDS, SEGMENT_S, SIZES, make_ladder

PLAYED_S = 60  # what the page waits for takes 3 s; twenty times that on a busy machine


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
async def test_a_ladder_plays_seeks_and_changes_its_rung(
    settings: Settings, browser: Browser, site: Site, tmp_path: Path, private: bool
) -> None:
    key = await stored_ladder(settings, tmp_path, private=private)
    source = media_url(settings, key, now_s=int(time.time()))
    with showing(browser, f"{site.url}/?source={quote(source)}", tmp_path):
        async with asyncio.timeout(PLAYED_S):
            told = json.loads(await site.told.get())
    assert told["errors"] == []
    assert not source.startswith(told["origin"])
    assert sorted(told["heights"]) == sorted(SIZES.values())
    assert sorted(set(told["widths"])) == sorted(SIZES)
    assert SEGMENT_S < told["at_s"] < SECONDS


async def test_the_store_gives_what_is_private_to_nobody(
    settings: Settings, tmp_path: Path
) -> None:
    key = await stored_ladder(settings, tmp_path, private=True)
    signed = media_url(settings, key, now_s=int(time.time()))
    async with AsyncClient(trust_env=False) as http:
        assert (await http.get(signed)).status_code == 200
        assert (await http.get(f"{settings.s3}/{settings.bucket}/{key}")).status_code == 403
        assert (await http.get(f"{settings.media_url}/{key}")).status_code == 404


async def stored_ladder(settings: Settings, folder: Path, *, private: bool) -> str:
    """In the bucket, as a transcode would leave it; returns the master playlist's key."""
    base = media_folder("0123456789abcdef" * 2, generation=0, private=private)
    async with open_client(settings) as client:
        blobs = S3Blobs(client, settings.bucket)
        for name, content in (await make_ladder(folder / "ladder")).items():
            kind = CONTENT_TYPES[PurePath(name).suffix]
            await blobs.put(f"{base}/{name}", content, content_type=kind)
    return f"{base}/master.m3u8"
