"""Tables of another version get the columns that they lack, or are refused with what is wrong."""

from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any

import pytest
from msgspec.structs import replace

from infra import tables
from infra.tables import create_tables, declared, statements
from instastream.errors import Unready
from instastream.settings import Settings
from instastream.stores.cassandra.session import open_cluster
from tests.cluster.test_cli import run

OLD = """CREATE TABLE IF NOT EXISTS posts (
    post_id bigint, position int, caption text, PRIMARY KEY (post_id, position)
);"""


@pytest.fixture
def own(settings: Settings) -> Settings:
    """A keyspace that only one test uses."""
    return replace(settings, namespace=f"t{token_hex(4)}")


@pytest.fixture
def session(own: Settings) -> Iterator[Any]:
    """The driver's own, in no keyspace; afterwards the test's is gone."""
    cluster = open_cluster(own.cassandra)
    session = cluster.connect()
    yield session
    session.execute(f"DROP KEYSPACE IF EXISTS {own.keyspace}")
    cluster.shutdown()


@pytest.fixture
def provisioned(own: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes what a file of CQL says."""

    def make(cql: str) -> None:
        monkeypatch.setattr(tables, "schema", lambda: cql)
        create_tables(own)

    return make


def test_what_is_declared_is_what_cassandra_has(settings: Settings) -> None:
    cluster = open_cluster(settings.cassandra)
    try:
        live = tables._live(cluster.connect(), settings.keyspace)
    finally:
        cluster.shutdown()
    assert live == declared(tables.schema())
    assert len(live) == len(statements(tables.schema()))


def test_columns_that_are_missing_are_added_and_rows_stay(
    own: Settings, session: Any, provisioned: Callable[[str], None]
) -> None:
    provisioned(OLD)
    session.set_keyspace(own.keyspace)
    session.execute("INSERT INTO posts (post_id, position, caption) VALUES (1, 0, 'old')")
    for _ in range(2):
        provisioned(OLD.replace("caption text", "caption text, likes int, author bigint static"))
        session.execute("UPDATE posts SET author = 7 WHERE post_id = 1")
        [row] = session.execute("SELECT position, caption, likes, author FROM posts")
        assert tuple(row) == (0, "old", None, 7)
    provisioned(OLD)  # the older version goes on beside the newer one


@pytest.mark.parametrize(
    ("said", "now", "why"),
    [
        pytest.param(
            "PRIMARY KEY (post_id, position)",
            "PRIMARY KEY (post_id)",
            "table posts has the key ((post_id), position asc) and schema.cql says ((post_id))",
            id="a shorter key",
        ),
        pytest.param(
            "PRIMARY KEY (post_id, position)",
            "PRIMARY KEY ((post_id, position))",
            "table posts has the key ((post_id), position asc) "
            "and schema.cql says ((post_id, position))",
            id="another partition",
        ),
        pytest.param(
            ";",
            " WITH CLUSTERING ORDER BY (position DESC);",
            "table posts has the key ((post_id), position asc) "
            "and schema.cql says ((post_id), position desc)",
            id="another order",
        ),
        pytest.param(
            "position int",
            "position bigint",
            "column posts.position is int and schema.cql says bigint",
            id="another type in the key",
        ),
        pytest.param(
            "caption text",
            "caption blob",
            "column posts.caption is text and schema.cql says blob",
            id="another type",
        ),
        pytest.param(
            "caption text",
            "caption text static",
            "column posts.caption is text and schema.cql says text static",
            id="static",
        ),
    ],
)
def test_what_nothing_can_alter_is_refused(
    own: Settings,
    session: Any,
    provisioned: Callable[[str], None],
    said: str,
    now: str,
    why: str,
) -> None:
    provisioned(OLD)
    with pytest.raises(Unready) as unready:
        provisioned(OLD.replace(said, now))
    assert str(unready.value).startswith(f"{why}: nothing can alter that. `make clean`")
    assert "\n" not in str(unready.value)


def test_a_column_that_cassandra_will_not_add_is_named(
    own: Settings, session: Any, provisioned: Callable[[str], None]
) -> None:
    provisioned(OLD.replace("caption text", "caption text, likes int"))
    session.execute(f"ALTER TABLE {own.keyspace}.posts DROP likes")
    with pytest.raises(Unready, match="refuses `ALTER TABLE posts ADD likes blob`"):
        provisioned(OLD.replace("caption text", "caption text, likes blob"))


def test_the_command_says_in_one_line_what_is_wrong(
    own: Settings, session: Any, provisioned: Callable[[str], None], environ: dict[str, str]
) -> None:
    provisioned("CREATE TABLE IF NOT EXISTS users (user_id text PRIMARY KEY);")
    done = run("provision", **{**environ, "INSTASTREAM_NAMESPACE": own.namespace})
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("instastream: column users.user_id is text and schema.cql says bigint")
    assert "make clean" in line


def test_a_file_of_cql_is_its_statements() -> None:
    assert statements("-- all\nCREATE a;\n\nCREATE b (\n  c int\n);\n-- end\n") == [
        "CREATE a",
        "CREATE b (\n  c int\n)",
    ]
