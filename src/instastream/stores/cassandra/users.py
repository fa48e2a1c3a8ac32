"""Users on Cassandra."""

from instastream.events import UserJoined
from instastream.ids import UserId
from instastream.stores.cassandra.session import Session
from instastream.stores.users import User

RECORD = "INSERT INTO users (user_id, username, joined_ms) VALUES (?, ?, ?) USING TIMESTAMP ?"
GET = "SELECT username, joined_ms FROM users WHERE user_id = ?"


class CassandraUsers:
    """Users in `users`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def record_joined(self, event: UserJoined) -> None:
        first_wins = -event.at_ms
        await self._session.execute(
            RECORD, int(event.user_id), event.username, event.at_ms, first_wins
        )

    async def get(self, user_id: UserId) -> User | None:
        rows = await self._session.execute(GET, int(user_id))
        return User(user_id, rows[0].username, rows[0].joined_ms) if rows else None
