"""How long Cassandra keeps refresh tokens and what it revoked, and what it was cut short in."""

import dataclasses
import re
from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
import pytest_asyncio

from instastream import accounts
from instastream.deps import Deps, memory_deps
from instastream.errors import Unavailable
from instastream.ids import UserId
from instastream.images.pool import RenderPool
from instastream.limits import REFRESH_REPEAT_S, REFRESH_TOKEN_TTL_S
from instastream.stores.accounts import RefreshToken
from instastream.stores.cassandra.accounts import SPEND, CassandraAccounts
from instastream.stores.cassandra.session import Row, Session
from tests.conftest import IN_MEMORY

SOON_S = 1_000
ENDING = f"""INSERT INTO refresh_tokens (digest, family, user_id, spent_ms)
    VALUES (?, ?, ?, 0) IF NOT EXISTS USING TTL {SOON_S}"""
TTLS = """SELECT TTL(family) AS family, TTL(user_id) AS user, TTL(spent_ms) AS spent
    FROM refresh_tokens WHERE digest = ?"""


@pytest_asyncio.fixture
async def deps(session: Session) -> AsyncIterator[Deps]:
    """All in memory but the accounts."""
    async with memory_deps(IN_MEMORY, RenderPool()) as deps:
        yield over(session, deps)


async def that_ends_soon(session: Session, user: UserId) -> RefreshToken:
    token = RefreshToken(token_hex(32), token_hex(8), user)
    await session.execute_once(ENDING, token.digest, token.family, int(user))
    return token


async def lives_s(session: Session, token: RefreshToken) -> list[int]:
    [row] = await session.execute(TTLS, token.digest)
    return list(row)


async def test_a_token_lives_as_long_as_is_said_from_when_it_was_given_last(
    session: Session, user: UserId
) -> None:
    of = CassandraAccounts(session)
    token = await that_ends_soon(session, user)
    await of.add_refresh_token(token)
    assert min(await lives_s(session, token)) > REFRESH_TOKEN_TTL_S - 60
    used = await that_ends_soon(session, user)
    assert await of.spend(used, now_ms=7) == 7
    await of.add_refresh_token(used)
    assert await of.is_spent(used.digest)
    assert await of.refresh_token(used.digest) == used


async def test_nothing_of_a_revoked_family_lives_longer_for_being_used(
    session: Session, user: UserId
) -> None:
    of = CassandraAccounts(session)
    token = await that_ends_soon(session, user)
    await of.revoke(token.family)
    await of.add_refresh_token(token)
    assert await of.spend(token, now_ms=7) is None
    assert max(await lives_s(session, token)) <= SOON_S


async def test_a_revocation_outlives_what_a_refresh_at_the_same_moment_writes(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its table has a key alone, whose time to live can't be read: what is said of it is."""
    said: list[str] = []

    async def heard(cql: str, *_: object) -> list[Row]:
        said.append(cql)
        return []

    monkeypatch.setattr(session, "execute", heard)
    await CassandraAccounts(session).revoke(token_hex(8))
    [ttl_s] = re.findall(r"USING TTL (\d+)", said[0])
    assert int(ttl_s) > REFRESH_TOKEN_TTL_S + 3_600


class CutShort(Session):
    """A session that goes away behind so many statements."""

    def __init__(self, session: Session, statements: int = 99) -> None:
        self._session, self._left = session, statements
        self.said: list[str] = []

    async def execute(self, cql: str, *values: object, **how: bool) -> list[Row]:
        rows = await self._session.execute(cql, *values, **how)
        self.said.append(cql)
        if len(self.said) == self._left:
            raise Unavailable("cassandra", "timed out")
        return rows


async def test_a_refresh_that_is_cut_short_before_its_last_statement_can_be_repeated_any_time(
    session: Session, deps: Deps
) -> None:
    username, password = f"painter_{token_hex(4)}", "a long password"
    await accounts.join(username, password, deps)
    pair = await accounts.sign_in(username, password, deps)
    too_late_ms = deps.now_ms() + (REFRESH_REPEAT_S + 60) * 1000
    later = dataclasses.replace(deps, now_ms=lambda: too_late_ms)
    whole = CutShort(session)
    pair = await accounts.refresh(pair.refresh_token, over(whole, deps))
    assert whole.said[-1] == SPEND
    for statements in range(1, len(whole.said)):
        with pytest.raises(Unavailable):
            await accounts.refresh(pair.refresh_token, over(CutShort(session, statements), deps))
        pair = await accounts.refresh(pair.refresh_token, later)


def over(session: Session, deps: Deps) -> Deps:
    return dataclasses.replace(deps, accounts=CassandraAccounts(session))
