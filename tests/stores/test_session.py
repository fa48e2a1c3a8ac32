"""What Cassandra refuses: values that it can never take, and tables that are not there now."""

import pytest

from instastream.errors import Corrupt, Unavailable
from instastream.settings import Settings
from instastream.stores.cassandra.session import Session

KEY_BYTES_MAX = (1 << 16) - 1
REMOVE = "DELETE FROM sweeps WHERE prefix = ?"


@pytest.mark.parametrize("key", ["", "a" * (KEY_BYTES_MAX + 1)])
async def test_a_value_that_can_never_be_kept_is_not_waited_for(session: Session, key: str) -> None:
    await session.execute(REMOVE, "a" * KEY_BYTES_MAX)
    with pytest.raises(Corrupt, match=r"[Kk]ey"):
        await session.execute(REMOVE, key)


async def test_a_table_that_is_gone_is_waited_for(session: Session, settings: Settings) -> None:
    table = f"{settings.keyspace}.gone_soon"
    await session.execute(f"CREATE TABLE {table} (name text PRIMARY KEY)")
    add = "INSERT INTO gone_soon (name) VALUES (?)"
    await session.execute(add, "there")
    await session.execute(f"DROP TABLE {table}")
    with pytest.raises(Unavailable):
        await session.execute(add, "not there")
