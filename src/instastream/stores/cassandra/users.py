"""Users on Cassandra."""

import asyncio
from collections.abc import Collection

from instastream.events import ProfileChanged, UserJoined
from instastream.ids import UserId
from instastream.stores.cassandra.session import Session
from instastream.stores.users import User

RECORD = "INSERT INTO users (user_id, username, joined_ms) VALUES (?, ?, ?) USING TIMESTAMP ?"
CHANGE = "UPDATE users USING TIMESTAMP ? SET private = ? WHERE user_id = ?"
GET = "SELECT username, joined_ms, private FROM users WHERE user_id = ?"


class CassandraUsers:
    """Users in `users`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record_joined(self, event: UserJoined) -> None:
        first_wins = -event.at_ms
        await self._session.execute(
            RECORD, int(event.user_id), event.username, event.at_ms, first_wins
        )

    async def record_changed(self, event: ProfileChanged, *, version: int) -> None:
        at = version - 1  # 0 of the first
        await self._session.execute(CHANGE, at, event.private, int(event.user_id))

    async def get(self, user_id: UserId) -> User | None:
        rows = await self._session.execute(GET, int(user_id))
        if not rows or rows[0].username is None:  # the change of someone who is yet to join
            return None
        return User(user_id, rows[0].username, rows[0].joined_ms, bool(rows[0].private))

    async def get_all(self, user_ids: Collection[UserId]) -> dict[UserId, User]:
        users = await asyncio.gather(*(self.get(user_id) for user_id in user_ids))
        return {user.user_id: user for user in users if user}
