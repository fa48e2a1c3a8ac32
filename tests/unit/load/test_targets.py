"""Which systems may be loaded."""

import pytest

from instastream.errors import Unready
from instastream.load.over_http.targets import check_target


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:1", "https://127.9.9.9"]
)
def test_this_machine_may_be(url: str) -> None:
    assert check_target(url, is_owned=False) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "http://10.0.0.1:8000",
        "http://localhost.example.org",
        "http://0.0.0.0",
    ],
)
def test_others_may_be_by_whoever_says_that_they_are_theirs(url: str) -> None:
    with pytest.raises(Unready, match="--i-own-this-target"):
        check_target(url, is_owned=False)
    assert check_target(f"{url}/", is_owned=True) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://localhost",
        "http://",
        "http://localhost:0",
        "http://localhost:65536",
        "http://localhost:port",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(Unready, match="no address of an API"):
        check_target(url, is_owned=True)
