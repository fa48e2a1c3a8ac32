"""URLs of media: plain and for ever, or signed and for a while."""

from base64 import urlsafe_b64encode
from hashlib import md5

import pytest
from msgspec.structs import replace

from instastream.limits import PRIVATE_URL_TTL_S
from instastream.media_urls import link_key, media_url, origin_key
from tests.conftest import IN_MEMORY

NOW_S = 500_000 * PRIVATE_URL_TTL_S
FOLDER = "private/00ff/1-0"


def expires_s(url: str) -> int:
    return int(url.split("/signed/")[1].split("/")[0])


def test_what_everybody_may_see_has_one_url_for_ever() -> None:
    for now_s in (0, NOW_S):
        url = media_url(IN_MEMORY, "media/00ff/1-0/full.webp", now_s=now_s)
        assert url == "http://edge.test/instastream/media/00ff/1-0/full.webp"


def test_what_is_private_is_signed_as_nginx_checks_it() -> None:
    expires = NOW_S + 2 * PRIVATE_URL_TTL_S
    key = link_key(IN_MEMORY.edge_key)
    signed = md5(f"{key} {expires} instastream/{FOLDER} {key}".encode()).digest()
    token = urlsafe_b64encode(signed).decode().rstrip("=")
    url = media_url(IN_MEMORY, f"{FOLDER}/720p/00000.m4s", now_s=NOW_S)
    signed_path = f"signed/{expires}/{token}/{FOLDER}/720p/00000.m4s"
    assert url == f"http://edge.test/instastream/{signed_path}"


@pytest.mark.parametrize(
    ("after_s", "left_s"),
    [
        (0, 2 * PRIVATE_URL_TTL_S),
        (PRIVATE_URL_TTL_S - 1, PRIVATE_URL_TTL_S + 1),
        (PRIVATE_URL_TTL_S, 2 * PRIVATE_URL_TTL_S),
    ],
)
def test_a_link_is_the_same_for_a_while_and_works_for_longer(after_s: int, left_s: int) -> None:
    now_s = NOW_S + after_s
    assert expires_s(media_url(IN_MEMORY, f"{FOLDER}/full.webp", now_s=now_s)) - now_s == left_s


def test_a_folder_has_one_signature_and_every_other_folder_another() -> None:
    def token(key: str) -> str:
        return media_url(IN_MEMORY, key, now_s=NOW_S).split("/")[6]

    assert token(f"{FOLDER}/master.m3u8") == token(f"{FOLDER}/360p/00000.m4s")
    assert token("private/00ff/1-1/master.m3u8") != token(f"{FOLDER}/master.m3u8")


def test_keys_are_apart_and_a_links_key_fills_one_block_of_md5() -> None:
    edge_key = IN_MEMORY.edge_key
    assert len(link_key(edge_key)) == md5().block_size
    assert len({link_key(edge_key), origin_key(edge_key), edge_key.hex()}) == 3
    other = replace(IN_MEMORY, edge_key=bytes(31) + b"x").edge_key
    assert link_key(other) != link_key(edge_key)
