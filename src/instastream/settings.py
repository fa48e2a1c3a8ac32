"""What an operator chooses: servers, names and keys, read once from the environment."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from msgspec import Struct

from instastream.errors import Unready
from instastream.limits import MEDIA_GRACE_S, PULL_FROM, PUSH_BELOW

EDGE_KEY = "INSTASTREAM_EDGE_KEY"
KEY_HELP = "64 hex digits, such as `openssl rand -hex 32` prints"

Network: TypeAlias = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1"))


class S3Keys(Struct, frozen=True):
    """Credentials of the object store. They are not told where this is printed."""

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return "S3Keys(...)"


class Settings(Struct, frozen=True, kw_only=True):
    """Where everything is. Addresses are `host:port`, several separated by commas.

    Keys, and URLs that may hold passwords, are not told where this is printed.
    """

    kafka: str
    cassandra: str
    redis: str
    s3: str
    s3_keys: S3Keys | None = None  # None: wherever the AWS SDK finds them
    edge: str  # what serves media, as clients see it
    namespace: str = ""  # keeps several instances apart on the same servers
    replication: int = 1  # copies that Kafka and Cassandra keep of what is provisioned
    media_grace_s: int = MEDIA_GRACE_S  # how long media stays that no post refers to any more
    pull_from: int = PULL_FROM  # followers: from here on posts are pulled by readers
    push_below: int = PUSH_BELOW  # and below this many pushed again
    fronts: tuple[Network, ...] = ()  # of what says by X-Forwarded-For who asks: load balancers
    unpaced: tuple[Network, ...] = (
        LOOPBACK  # from where nothing is too fast, as far as addresses go
    )
    token_key: bytes  # signs access tokens: Ed25519 seed, 32 bytes
    media_key: bytes  # keys the digests of originals, 32 bytes; never change it
    edge_key: bytes  # signs URLs of private media, and lets the edge read it, 32 bytes

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read `INSTASTREAM_*`; raises Unready naming the variable that is missing or wrong."""
        namespace = environ.get("INSTASTREAM_NAMESPACE", "")
        if namespace and not (namespace.isascii() and namespace.isalnum() and namespace.islower()):
            raise Unready("INSTASTREAM_NAMESPACE may hold lower-case letters and digits only")
        return cls(
            kafka=_required(environ, "INSTASTREAM_KAFKA"),
            cassandra=_required(environ, "INSTASTREAM_CASSANDRA"),
            redis=_required(environ, "INSTASTREAM_REDIS"),
            s3=_required(environ, "INSTASTREAM_S3"),
            s3_keys=_s3_keys(environ),
            edge=_required(environ, "INSTASTREAM_EDGE").rstrip("/"),
            namespace=namespace,
            replication=_positive(environ, "INSTASTREAM_REPLICATION", default="1"),
            media_grace_s=_positive(
                environ, "INSTASTREAM_MEDIA_GRACE_S", default=str(MEDIA_GRACE_S)
            ),
            **_thresholds(environ),
            fronts=_networks(environ, "INSTASTREAM_FRONTS", default=()),
            unpaced=_networks(environ, "INSTASTREAM_UNPACED", default=LOOPBACK),
            token_key=_key(environ, "INSTASTREAM_TOKEN_KEY"),
            media_key=_key(environ, "INSTASTREAM_MEDIA_KEY"),
            edge_key=_key(environ, EDGE_KEY),
        )

    def __repr__(self) -> str:
        return f"Settings(namespace={self.namespace!r}, edge={self.edge!r}, ...)"

    @property
    def keyspace(self) -> str:
        """The Cassandra keyspace."""
        return f"instastream_{self.namespace}" if self.namespace else "instastream"

    @property
    def bucket(self) -> str:
        """The bucket of originals and variants."""
        return f"instastream-{self.namespace}" if self.namespace else "instastream"

    @property
    def media_url(self) -> str:
        """What stands before an object's key in public URLs."""
        return f"{self.edge}/{self.bucket}"

    @property
    def prefix(self) -> str:
        """What stands before every topic and consumer group."""
        return f"{self.namespace}." if self.namespace else ""


def _s3_keys(environ: Mapping[str, str]) -> S3Keys | None:
    access_key = environ.get("AWS_ACCESS_KEY_ID")
    secret_key = environ.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        return S3Keys(access_key, secret_key, environ.get("AWS_SESSION_TOKEN"))
    return None


def _required(environ: Mapping[str, str], name: str) -> str:
    if value := environ.get(name):
        return value
    raise Unready(
        f'{name} is not set: run `make up` and `eval "$(.venv/bin/instastream env)"`, or set it'
    )


def _positive(environ: Mapping[str, str], name: str, *, default: str) -> int:
    text = environ.get(name) or default
    if not text.isdecimal() or int(text) < 1:
        raise Unready(f"{name} must be a number from 1")
    return int(text)


def _thresholds(environ: Mapping[str, str]) -> dict[str, int]:
    pull_from = _positive(environ, "INSTASTREAM_PULL_FROM", default=str(PULL_FROM))
    push_below = _positive(
        environ, "INSTASTREAM_PUSH_BELOW", default=str(min(PUSH_BELOW, pull_from))
    )
    if push_below > pull_from:
        raise Unready("INSTASTREAM_PUSH_BELOW must not be larger than INSTASTREAM_PULL_FROM")
    return {"pull_from": pull_from, "push_below": push_below}


def _networks(
    environ: Mapping[str, str], name: str, *, default: tuple[Network, ...]
) -> tuple[Network, ...]:
    """Addresses and networks, separated by commas; none at all where the variable is empty."""
    if name not in environ:
        return default
    texts = map(str.strip, environ[name].split(","))
    try:
        return tuple(ip_network(text) for text in texts if text)
    except ValueError as error:
        raise Unready(
            f"{name} must be addresses or networks, such as 10.0.0.0/8: {error}"
        ) from None


def _key(environ: Mapping[str, str], name: str) -> bytes:
    text = _required(environ, name)
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Unready(f"{name} must be {KEY_HELP}")
    return key
