"""The five servers: their configuration, their command lines, and when they are ready."""

import grp
import os
import pwd
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import certifi

from infra.native import probes
from infra.native.jars import class_path, locked_jars
from infra.native.ports import free_port_with_grpc, free_ports
from infra.native.processes import ProcessSpec, shell
from instastream.limits import PRIVATE_CACHE_S
from instastream.media_urls import link_key, origin_key

# Heaps as measured: Kafka 165 to 220 MB and Cassandra 450 to 620 MB resident.
KAFKA_HEAP = "256m"
CASSANDRA_HEAP = "512m"
# Every bucket has volumes of its own, which grow as they fill. Left to itself, SeaweedFS allows one
# for each free GB of the disk: with 78 GB free, the first PUT to the 76th bucket failed.
VOLUMES_MAX = 10_000
CLUSTER_ID = "aW5zdGFzdHJlYW0tbG9jYQ"  # any 16 bytes: "instastream-loca" in base64
# One thread collects and the quick compiler compiles: a small server starts in half the time.
JVM = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
)


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where one server lives, and what it needs to know of its surroundings."""

    folder: Path
    program: Path
    cache: Path
    ports: Mapping[str, int]
    s3: str  # the edge's origin
    s3_access_key: str
    s3_secret_key: str
    edge_key: bytes

    @property
    def port(self) -> int:
        """The port that clients use."""
        return self.ports["port"]


class _Config(Template):
    delimiter = "%"  # `$` is nginx's own


def kafka(site: Site) -> ProcessSpec:
    """One broker that is its own controller."""
    log_config = _write(site, "kafka/log4j2.properties")
    config = _write(site, "kafka/server.properties", **site.ports)
    java = [*_java(site, "kafka"), f"-Xmx{KAFKA_HEAP}"]
    java.append(f"-Dlog4j2.configurationFile={log_config.as_uri()}")
    new = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config)]
    argv = shell(
        [*java, *new],
        [*java, "kafka.Kafka", str(config)],
        unless=site.folder / "log" / "meta.properties",
    )
    return _spec(site, "kafka", argv, ready=partial(probes.kafka_answers, site.port))


def cassandra(site: Site) -> ProcessSpec:
    """One node that owns the whole ring."""
    options = _write(site, "cassandra/jvm17.options")
    log_config = _write(site, "cassandra/logback.xml")
    config = _write(site, "cassandra/cassandra.yaml", **site.ports)
    argv = [
        *_java(site, "cassandra"),
        f"-Xmx{CASSANDRA_HEAP}",
        f"@{options}",
        f"-Dcassandra.config={config.as_uri()}",
        f"-Dcassandra.storagedir={site.folder}",
        f"-Dlogback.configurationFile={log_config.as_uri()}",
        "org.apache.cassandra.service.CassandraDaemon",
    ]
    return _spec(site, "cassandra", argv, ready=partial(probes.cassandra_answers, site.port))


def redis(site: Site) -> ProcessSpec:
    """Valkey, which keeps nothing: docs/decisions/0023."""
    options = {
        "bind": "127.0.0.1",
        "port": str(site.port),
        "dir": str(site.folder),
        "save": "",
        "daemonize": "no",
    }
    argv = [str(site.program)]
    for name, value in options.items():
        argv += [f"--{name}", value]
    return _spec(site, "redis", argv, ready=partial(probes.redis_answers, site.port))


def s3(site: Site) -> ProcessSpec:
    """All of SeaweedFS in one process; it says nothing to anybody outside."""
    options = {
        "dir": "objects",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "s3.port": str(site.port),
        **{name: str(port) for name, port in site.ports.items() if name != "port"},
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "s3.autoCreateBucket": "false",
        "volume.max": str(VOLUMES_MAX),
        "s3.localSocket": "tmp/s3.sock",
        "filer.localSocket": "tmp/filer.sock",
        "webdav": "false",
        "admin.ui": "false",
        "master.telemetry": "false",
    }
    (site.folder / "objects").mkdir(parents=True, exist_ok=True)
    keys = {"AWS_ACCESS_KEY_ID": site.s3_access_key, "AWS_SECRET_ACCESS_KEY": site.s3_secret_key}
    # Its parts trust each other by these; without them the filer serves and takes anything.
    for name in WEED_SIGNING_KEYS:
        keys[name] = sha256(f"{name}:{site.s3_secret_key}".encode()).hexdigest()
    argv = [str(site.program), "mini", *(f"-{name}={value}" for name, value in options.items())]
    ready = partial(probes.s3_answers, site.port, site.s3_access_key, site.s3_secret_key)
    return _spec(site, "s3", argv, ready=ready, env=keys)


def edge(site: Site) -> ProcessSpec:
    """nginx before the object store's public part."""
    origin = urlsplit(site.s3)
    default_port = 443 if origin.scheme == "https" else 80
    config = _write(
        site,
        "nginx/nginx.conf",
        user=_user_directive(),
        port=site.port,
        scheme=origin.scheme,
        origin=f"{origin.hostname}:{origin.port or default_port}",
        host=origin.netloc,
        host_name=origin.hostname,
        verify=_verify_directive() if origin.scheme == "https" else "",
        link_key=link_key(site.edge_key),
        origin_key=origin_key(site.edge_key),
        private_cache_s=PRIVATE_CACHE_S,
    )
    argv = [str(site.program), "-p", str(site.folder), "-c", str(config), "-e", "stderr"]
    return _spec(site, "edge", argv, ready=partial(probes.edge_answers, site.port))


@dataclass(frozen=True)
class Server:
    """One kind of server: which ports it needs, and how it is run and reached."""

    spec: Callable[[Site], ProcessSpec]
    url: str
    ports: tuple[str, ...] = ("port",)  # the first is the clients'
    port_with_grpc: str = ""  # one more, with its double `GRPC_OFFSET` above

    def free_ports(self, taken: Collection[int]) -> dict[str, int]:
        """A free port for each purpose, none of `taken`."""
        chosen = dict(zip(self.ports, free_ports(len(self.ports), taken), strict=True))
        if self.port_with_grpc:
            chosen[self.port_with_grpc] = free_port_with_grpc(taken)
        return chosen


# SeaweedFS's option names: each part speaks HTTP on one port and gRPC on another.
WEED_PORTS = tuple(f"{part}.port" for part in ("master", "volume", "filer"))
WEED_GRPC_PORTS = tuple(f"{part}.port.grpc" for part in ("s3", "master", "volume", "filer"))

WEED_SIGNING_KEYS = (
    "WEED_JWT_SIGNING_KEY",
    "WEED_JWT_SIGNING_READ_KEY",
    "WEED_JWT_FILER_SIGNING_KEY",
    "WEED_JWT_FILER_SIGNING_READ_KEY",
)

SERVERS = {
    "kafka": Server(kafka, "127.0.0.1:{port}", ("port", "controller_port")),
    "cassandra": Server(cassandra, "127.0.0.1:{port}", ("port", "storage_port")),
    "redis": Server(redis, "redis://127.0.0.1:{port}/0"),
    "s3": Server(
        s3,
        "http://127.0.0.1:{port}",
        ("port", *WEED_PORTS, *WEED_GRPC_PORTS),
        port_with_grpc="admin.port",
    ),
    "edge": Server(edge, "http://127.0.0.1:{port}"),
}
JVM_SERVERS = ("kafka", "cassandra")


def _java(site: Site, server: str) -> list[str]:
    """Native libraries are unpacked into `java.io.tmpdir`: not /tmp, which may be noexec."""
    jars = class_path(locked_jars(server), site.cache)
    return [str(site.program), *JVM, f"-Djava.io.tmpdir={site.folder / 'tmp'}", "-cp", jars]


def _spec(
    site: Site,
    name: str,
    argv: list[str],
    *,
    ready: Callable[[], Awaitable[bool]],
    env: Mapping[str, str] | None = None,
) -> ProcessSpec:
    """With a small environment of its own: JAVA_TOOL_OPTIONS and the like stay outside.

    It runs in its folder, and what it is told lies beneath that is relative: Kafka reads its
    configuration as ISO-8859-1, SeaweedFS takes a comma for the end of a folder's name, and Linux
    cuts the path of a socket at 107 bytes, while a checkout may lie anywhere.
    """
    temporary = site.folder / "tmp"
    base = {
        "PATH": os.defpath,
        "HOME": str(site.folder),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
    }
    return ProcessSpec(
        name=name,
        argv=argv,
        env=base | dict(env or {}),
        cwd=site.folder,
        ready=ready,
        url=SERVERS[name].url.format(port=site.port),
    )


def _write(site: Site, name: str, **values: object) -> Path:
    """A configuration file of `infra/`, filled in, in the server's folder."""
    text = files("infra").joinpath(name).read_text()
    path = site.folder / Path(name).name
    path.touch()
    path.chmod(0o600)  # nginx.conf holds keys
    path.write_text(_Config(text).substitute(values) if values else text)
    return path


def _verify_directive() -> str:
    """An origin is shown a secret: only one that certificates vouch for."""
    path = certifi.where().replace("\\", r"\\").replace("'", r"\'")
    trusted = f"proxy_ssl_trusted_certificate '{path}';"
    return f"proxy_ssl_verify on; proxy_ssl_verify_depth 4; {trusted}"


def _user_directive() -> str:
    """As root, nginx's workers become `nobody` unless told who started it."""
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name};"
