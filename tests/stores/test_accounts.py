"""The contract of Accounts."""

from secrets import token_hex

import pytest

from instastream.deps import Deps
from instastream.ids import UserId
from instastream.stores.accounts import Credentials, RefreshToken
from tests.stores.conftest import new_id


@pytest.fixture
def painter(user: UserId) -> Credentials:
    return Credentials(username=f"painter_{token_hex(4)}", user_id=user, password_hash="hash")


async def test_a_username_belongs_to_whoever_claimed_it_first(
    deps: Deps, painter: Credentials
) -> None:
    late = Credentials(painter.username, UserId(new_id()), "another hash")
    assert await deps.accounts.claim(painter) == painter
    assert await deps.accounts.claim(late) == painter
    assert await deps.accounts.credentials(painter.username) == painter


async def test_nobody_has_a_username_that_was_never_claimed(deps: Deps) -> None:
    assert await deps.accounts.credentials(f"nobody_{token_hex(4)}") is None


async def test_who_has_some_usernames_is_found_at_once(deps: Deps, painter: Credentials) -> None:
    other = Credentials(f"other_{token_hex(4)}", UserId(new_id()), "hash")
    for one in (painter, other):
        await deps.accounts.claim(one)
    usernames = [other.username, f"nobody_{token_hex(4)}", painter.username]
    found = {other.username: other.user_id, painter.username: painter.user_id}
    assert await deps.accounts.user_ids(usernames) == found
    assert await deps.accounts.user_ids([]) == {}


def _token(user: UserId, family: str) -> RefreshToken:
    return RefreshToken(digest=token_hex(32), family=family, user_id=user)


async def test_a_refresh_token_is_spent_once(deps: Deps, user: UserId) -> None:
    token = _token(user, token_hex(8))
    for _ in range(2):
        await deps.accounts.add_refresh_token(token)
    assert await deps.accounts.refresh_token(token.digest) == token
    assert not await deps.accounts.is_spent(token.digest)
    assert await deps.accounts.spend(token, now_ms=7) == 7
    assert await deps.accounts.spend(token, now_ms=9) == 7
    assert await deps.accounts.is_spent(token.digest)
    await deps.accounts.add_refresh_token(token)
    assert await deps.accounts.is_spent(token.digest), "adding it again does not renew it"
    assert await deps.accounts.refresh_token(token.digest) == token


async def test_revoking_a_family_reaches_tokens_that_come_later(deps: Deps, user: UserId) -> None:
    family = token_hex(8)
    await deps.accounts.revoke(family)
    late, other = _token(user, family), _token(user, token_hex(8))
    for token in (late, other):
        await deps.accounts.add_refresh_token(token)
    assert await deps.accounts.spend(late, now_ms=7) is None
    assert await deps.accounts.spend(other, now_ms=7) == 7


async def test_nothing_of_a_revoked_family_is_written_any_more(deps: Deps, user: UserId) -> None:
    family = token_hex(8)
    kept, late = _token(user, family), _token(user, family)
    await deps.accounts.add_refresh_token(kept)
    await deps.accounts.revoke(family)
    await deps.accounts.add_refresh_token(late)
    assert await deps.accounts.refresh_token(late.digest) is None
    assert await deps.accounts.spend(kept, now_ms=7) is None
    assert not await deps.accounts.is_spent(kept.digest)


async def test_an_unknown_refresh_token_is_none(deps: Deps) -> None:
    digest = token_hex(32)
    assert await deps.accounts.refresh_token(digest) is None
    assert not await deps.accounts.is_spent(digest)
