"""What can never be rendered fails with a reason that its owner can read, and stops nobody."""

import pytest

from instastream.client import Refused
from tests.cluster.conftest import System, eventually, photo, post


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"this is a text, whatever its name says", "not-an-image"),
        (photo()[:50_000], "damaged"),
    ],
)
async def test_a_post_without_an_image_fails_with_a_reason(
    system: System, content: bytes, reason: str
) -> None:
    author, reader = await system.join("author"), await system.join("reader")
    await reader.follow(author.user_id)
    posted = await post(author, content)

    async def failed() -> bool:
        return bool((await author.post(posted["id"]))["status"] == "failed")

    await eventually(failed, "the post failed")
    seen = await author.post(posted["id"])
    assert seen["failure"]["reason"] == reason
    assert seen["failure"]["detail"]
    assert seen["media"][0]["images"] == {}
    with pytest.raises(Refused) as refused:
        await reader.post(posted["id"])
    assert refused.value.status == 404
    assert (await reader.feed())["posts"] == []
