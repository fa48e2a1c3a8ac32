"""Cursors are good for the list and the reader they were given for, and can't be made up."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instastream.api.cursors import CURSOR_PATTERN, before_of, cursor_after
from instastream.deps import Deps
from instastream.errors import Rejected
from instastream.ids import PostId
from tests.unit.api.conftest import Person, make_ready, problem

KEY = b"k" * 32
snowflakes = st.integers(10**18, 9 * 10**18 - 1).map(lambda n: PostId(str(n)))
WELL_FORMED = "Ag" + "A" * 22


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        WELL_FORMED,
        WELL_FORMED[:-1],
        WELL_FORMED + "A",
        WELL_FORMED[:-2] + "==",
        "AZ" + WELL_FORMED[2:],
        "ARXOHAIzR4AA",  # of version 1
        "ü" * 24,
    ],
)
async def test_a_bad_cursor_is_refused(ada: Person, cursor: str) -> None:
    for path in ("/v1/feed", f"/v1/users/{ada.id}/posts"):
        assert problem(await ada.get(path, cursor=cursor)) == (400, "invalid-cursor")


async def test_a_cursor_is_good_for_its_own_list_only(ada: Person, bob: Person, deps: Deps) -> None:
    lists = [
        (who, path) for who in (ada, bob) for path in ("/v1/feed", f"/v1/users/{bob.id}/posts")
    ]
    await ada.ask("PUT", f"/v1/users/{bob.id}/follow")
    for _ in range(2):
        await make_ready(await bob.post(), deps)
    for own, path in ((ada, "/v1/feed"), (ada, lists[1][1]), (bob, lists[1][1])):
        cursor = (await own.get(path, limit=1)).json()["next_cursor"]
        for who, other in lists:
            answer = await who.get(other, limit=1, cursor=cursor)
            if (who, other) == (own, path):
                assert len(answer.json()["posts"]) == 1
            else:
                assert problem(answer) == (400, "invalid-cursor")


@given(snowflakes, st.binary(min_size=1, max_size=4))
def test_a_cursor_comes_back_as_what_it_was_made_of_and_can_not_be_forged(
    post_id: PostId, change: bytes
) -> None:
    cursor = cursor_after(post_id, of="a list", key=KEY)
    assert re.fullmatch(CURSOR_PATTERN, cursor)
    assert before_of(cursor, of="a list", key=KEY) == post_id
    raw = bytearray(urlsafe_b64decode(cursor))
    for at, flipped in enumerate(change):
        raw[-1 - at * 4] ^= flipped
    forged = urlsafe_b64encode(raw).decode()
    for text, of, key in (
        (forged, "a list", KEY),
        (cursor, "another", KEY),
        (cursor, "a list", bytes(32)),
    ):
        if (text, of, key) != (cursor, "a list", KEY):
            with pytest.raises(Rejected, match="is not a cursor"):
                before_of(text, of=of, key=key)


@given(st.text().filter(lambda text: not re.fullmatch(CURSOR_PATTERN, text)))
def test_what_is_not_a_cursor_is_rejected(text: str) -> None:
    with pytest.raises(Rejected, match="is not a cursor"):
        before_of(text, of="a list", key=KEY)
