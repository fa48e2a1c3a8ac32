"""Settings come from the environment, and say what is wrong with it."""

import pytest

from instastream.errors import Unready
from instastream.settings import Settings

ENVIRON = {
    "INSTASTREAM_KAFKA": "kafka:9092",
    "INSTASTREAM_CASSANDRA": "one:9042,two:9042",
    "INSTASTREAM_REDIS": "redis://redis",
    "INSTASTREAM_S3": "http://s3",
    "INSTASTREAM_EDGE": "https://cdn.example/",
    "INSTASTREAM_TOKEN_KEY": "ab" * 32,
    "INSTASTREAM_MEDIA_KEY": "cd" * 32,
    "INSTASTREAM_EDGE_KEY": "ef" * 32,
}


def test_names_are_plain_unless_a_namespace_keeps_them_apart() -> None:
    plain = Settings.from_env(ENVIRON)
    assert (plain.keyspace, plain.bucket, plain.prefix) == ("instastream", "instastream", "")
    apart = Settings.from_env(ENVIRON | {"INSTASTREAM_NAMESPACE": "t1"})
    assert apart.keyspace == "instastream_t1"
    assert apart.bucket == "instastream-t1"
    assert apart.prefix == "t1."
    assert plain.media_url == "https://cdn.example/instastream"


@pytest.mark.parametrize("name", sorted(set(ENVIRON) - {"INSTASTREAM_S3"}))
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(Unready, match=name):
        Settings.from_env({key: value for key, value in ENVIRON.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INSTASTREAM_TOKEN_KEY", "ab" * 31),
        ("INSTASTREAM_TOKEN_KEY", "not hex"),
        ("INSTASTREAM_MEDIA_KEY", "ab" * 33),
        ("INSTASTREAM_EDGE_KEY", "ab"),
        ("INSTASTREAM_NAMESPACE", "Upper"),
        ("INSTASTREAM_NAMESPACE", "a-b"),
        ("INSTASTREAM_REPLICATION", "0"),
        ("INSTASTREAM_REPLICATION", "many"),
        ("INSTASTREAM_MEDIA_GRACE_S", "0"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(Unready, match=name):
        Settings.from_env(ENVIRON | {name: value})


def test_media_that_nobody_needs_stays_a_day_unless_told_otherwise() -> None:
    assert Settings.from_env(ENVIRON).media_grace_s == 86_400
    assert Settings.from_env(ENVIRON | {"INSTASTREAM_MEDIA_GRACE_S": "1"}).media_grace_s == 1
