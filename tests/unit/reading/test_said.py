"""What a process keeps of what users said: the latest of each, for as long as Redis does."""

import pytest

from instastream.ids import UserId
from instastream.limits import PENDING_LENGTH, PENDING_TTL_S
from instastream.reading import said
from instastream.reading.said import Said
from instastream.stores.counts import Pending

ADA, BOB, CID = (UserId(name) for name in ("ada", "bob", "cid"))
NOW_MS = 1_795_000_000_000


def like(version: int) -> Pending:
    return Pending(subject_id="1571234567890123456", shards=1, liked=True, version=version)


def test_of_each_user_the_latest_are_kept_in_their_order() -> None:
    kept = Said(lambda: NOW_MS)
    assert kept.of(None) == kept.of(ADA) == ()
    likes = [like(version) for version in range(PENDING_LENGTH + 1)]
    for one in likes[:-1]:
        kept.add(ADA, one)
    assert kept.of(ADA) == (*likes[:-1],)
    kept.add(ADA, likes[-1])
    assert kept.of(ADA) == (*likes[1:],)
    assert kept.of(BOB) == ()


def test_who_said_nothing_for_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(said, "SAID_USERS_MAX", 2)
    kept = Said(lambda: NOW_MS)
    for version, user in enumerate((ADA, BOB, ADA, CID)):
        kept.add(user, like(version))
    assert [len(kept.of(user)) for user in (ADA, BOB, CID)] == [2, 0, 1]


def test_what_was_said_is_kept_for_as_long_as_redis_keeps_it() -> None:
    now_ms = NOW_MS
    kept = Said(lambda: now_ms)
    kept.add(ADA, like(1))
    now_ms += PENDING_TTL_S * 1000 - 1
    assert kept.of(ADA) == (like(1),)
    kept.add(ADA, like(2))
    now_ms += PENDING_TTL_S * 1000 - 1
    assert kept.of(ADA) == (like(1), like(2)), "as a list in Redis lives on with each word"
    now_ms += 1
    assert kept.of(ADA) == ()
    kept.add(BOB, like(3))
    assert [*kept._by_user] == [BOB]
