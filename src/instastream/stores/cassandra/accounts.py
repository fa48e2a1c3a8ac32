"""Accounts on Cassandra: conditional writes, so that two of a kind never mix.

Whatever gives a token more time looks first whether its family is revoked. What did so before the
revocation and writes after it is late by seconds, so no token lives as long as its revocation.
"""

from collections.abc import Collection

from instastream.ids import UserId
from instastream.limits import REFRESH_TOKEN_TTL_S
from instastream.stores.accounts import Credentials, RefreshToken
from instastream.stores.cassandra.session import Row, Session

CLAIM = "INSERT INTO usernames (username, user_id, password_hash) VALUES (?, ?, ?) IF NOT EXISTS"
CREDENTIALS = "SELECT username, user_id, password_hash FROM usernames WHERE username = ?"
ADD_TOKEN = f"""UPDATE refresh_tokens USING TTL {REFRESH_TOKEN_TTL_S}
    SET spent_ms = 0, family = ?, user_id = ? WHERE digest = ? IF spent_ms IN (null, 0)"""
TOKEN = "SELECT digest, family, user_id FROM refresh_tokens WHERE digest = ?"
SPEND = f"""UPDATE refresh_tokens USING TTL {REFRESH_TOKEN_TTL_S}
    SET spent_ms = ?, family = ?, user_id = ? WHERE digest = ? IF spent_ms = 0"""
SPENT = "SELECT spent_ms FROM refresh_tokens WHERE digest = ?"
REVOKE = f"INSERT INTO revoked_families (family) VALUES (?) USING TTL {2 * REFRESH_TOKEN_TTL_S}"
REVOKED = "SELECT family FROM revoked_families WHERE family = ?"


class CassandraAccounts:
    """Accounts in `usernames`, `refresh_tokens` and `revoked_families`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def claim(self, credentials: Credentials) -> Credentials:
        row = await self._session.execute_once(
            CLAIM, credentials.username, int(credentials.user_id), credentials.password_hash
        )
        return credentials if row.applied else _credentials(row)

    async def credentials(self, username: str) -> Credentials | None:
        rows = await self._session.execute(CREDENTIALS, username)
        return _credentials(rows[0]) if rows else None

    async def user_ids(self, usernames: Collection[str]) -> dict[str, UserId]:
        rows = await self._session.execute_all(CREDENTIALS, ((one,) for one in usernames))
        return {row.username: UserId(str(row.user_id)) for row in rows}

    async def add_refresh_token(self, token: RefreshToken) -> None:
        if not await self._is_revoked(token.family):
            await self._session.execute_once(
                ADD_TOKEN, token.family, int(token.user_id), token.digest
            )

    async def refresh_token(self, digest: str) -> RefreshToken | None:
        rows = await self._session.execute(TOKEN, digest)
        if not rows:
            return None
        return RefreshToken(rows[0].digest, rows[0].family, UserId(str(rows[0].user_id)))

    async def spend(self, token: RefreshToken, *, now_ms: int) -> int | None:
        if await self._is_revoked(token.family):
            return None
        row = await self._session.execute_once(
            SPEND, now_ms, token.family, int(token.user_id), token.digest
        )
        return now_ms if row.applied else int(row.spent_ms)

    async def is_spent(self, digest: str) -> bool:
        rows = await self._session.execute(SPENT, digest)
        return bool(rows and rows[0].spent_ms)

    async def revoke(self, family: str) -> None:
        await self._session.execute(REVOKE, family)

    async def _is_revoked(self, family: str) -> bool:
        return bool(await self._session.execute(REVOKED, family))


def _credentials(row: Row) -> Credentials:
    return Credentials(row.username, UserId(str(row.user_id)), row.password_hash)
