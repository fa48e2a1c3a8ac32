"""Settings come from the environment, and say what is wrong with it."""

from ipaddress import ip_network

import pytest

from instastream.errors import Unready
from instastream.settings import LOOPBACK, Settings

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
        ("INSTASTREAM_FRONTS", "load-balancer"),
        ("INSTASTREAM_FRONTS", "*"),
        ("INSTASTREAM_UNPACED", "10.0.0.1/8"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(Unready, match=name):
        Settings.from_env(ENVIRON | {name: value})


def test_media_that_nobody_needs_stays_a_day_unless_told_otherwise() -> None:
    assert Settings.from_env(ENVIRON).media_grace_s == 86_400
    assert Settings.from_env(ENVIRON | {"INSTASTREAM_MEDIA_GRACE_S": "1"}).media_grace_s == 1


def test_no_front_is_trusted_and_this_machine_is_not_counted_unless_told_otherwise() -> None:
    settings = Settings.from_env(ENVIRON)
    assert (settings.fronts, settings.unpaced) == ((), LOOPBACK)


def test_networks_are_told_with_commas_and_none_by_nothing() -> None:
    told = {"INSTASTREAM_FRONTS": "10.0.0.0/8, 2001:db8::1", "INSTASTREAM_UNPACED": ""}
    settings = Settings.from_env(ENVIRON | told)
    assert settings.fronts == (ip_network("10.0.0.0/8"), ip_network("2001:db8::1"))
    assert settings.unpaced == ()
