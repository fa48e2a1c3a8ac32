"""The real servers, as the launcher runs them: found again, killed, and nothing lost."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from aiobotocore.session import get_session
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from httpx2 import AsyncClient

from infra.native import processes
from infra.native.servers import SERVERS
from infra.native.stack import Endpoints, ProcessSpec, Stack
from infra.native.state import read_state
from instastream.errors import Unready
from instastream.stores.cassandra.session import open_cluster

BUCKET = "native-test"
TOPIC = TopicPartition("native-test", 0)
RECORDS = 200
PUBLIC_MEDIA = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/media/*",
        }
    ],
}


def nothing(step: str, done: int, total: int) -> None:
    pass


def bare_environ() -> dict[str, str]:
    """No address and no port given: every server is the launcher's own."""
    return {name: os.environ[name] for name in ("HOME", "INSTASTREAM_CACHE") if name in os.environ}


@pytest.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    home = tmp_path_factory.mktemp("home") / "with a space"
    stack = Stack(home, environ=bare_environ(), report=nothing)
    try:
        await stack.up()
        yield home
    finally:
        await stack.down()


@pytest.fixture
async def stack(home: Path) -> Stack:
    """As a later launcher finds it, with everything up."""
    stack = Stack(home, environ=bare_environ(), report=nothing)
    await stack.up()
    return stack


def pids(stack: Stack) -> dict[str, int | None]:
    return {row.name: row.pid for row in stack.status()}


def has_ended(pid: int) -> bool:
    return processes._has_ended(processes._fields(pid))


# What each server must still know after a crash: one function writes, the other reads.


async def write_kafka(at: Endpoints) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=at.kafka)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC.topic, 1, 1)])
    await admin.close()
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=at.kafka, enable_idempotence=True, acks="all"
    )
    await producer.start()
    for n in range(RECORDS):
        await producer.send_and_wait(TOPIC.topic, b"%d" % n)
    await producer.stop()
    async with consumer(at) as kafka:
        kafka.assign([TOPIC])
        await kafka.commit({TOPIC: await written(kafka)})


async def read_kafka(at: Endpoints) -> object:
    """Asked at once: a broker that is still loading offsets would look as if it had none."""
    async with consumer(at) as kafka:
        return await kafka.committed(TOPIC) == await written(kafka) >= RECORDS


def consumer(at: Endpoints) -> Any:
    return AIOKafkaConsumer(
        bootstrap_servers=at.kafka, group_id="native-test", enable_auto_commit=False
    )


async def written(kafka: Any) -> int:
    return int((await kafka.end_offsets([TOPIC]))[TOPIC])


async def write_cassandra(at: Endpoints) -> None:
    replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    inserts = [f"INSERT INTO native.kept (id) VALUES ({n})" for n in range(RECORDS)]
    await cql(
        at,
        f"CREATE KEYSPACE IF NOT EXISTS native WITH replication = {replication}",
        "CREATE TABLE IF NOT EXISTS native.kept (id int PRIMARY KEY)",
        *inserts,
    )


async def read_cassandra(at: Endpoints) -> object:
    rows = await cql(at, "SELECT count(*) FROM native.kept")
    return bool(next(iter(rows))[0] == RECORDS)


async def cql(at: Endpoints, *statements: str) -> Any:
    def run() -> Any:
        cluster: Any = open_cluster(at.cassandra)
        try:
            session = cluster.connect()
            return [session.execute(statement) for statement in statements][-1]
        finally:
            cluster.shutdown()

    return await asyncio.to_thread(run)


async def write_redis(at: Endpoints) -> None:
    client = redis.asyncio.from_url(at.redis)
    for n in range(RECORDS):
        await client.set(f"kept:{n}", n)
    await client.aclose()


async def read_redis(at: Endpoints) -> object:
    client = redis.asyncio.from_url(at.redis)
    kept = await client.mget([f"kept:{n}" for n in range(RECORDS)])
    await client.aclose()
    return kept == [b"%d" % n for n in range(RECORDS)]


async def write_s3(at: Endpoints) -> None:
    async with s3(at) as client:
        if BUCKET not in {each["Name"] for each in (await client.list_buckets())["Buckets"]}:
            await client.create_bucket(Bucket=BUCKET)
        await client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(PUBLIC_MEDIA))
        for n in range(RECORDS // 4):
            for folder in ("media", "uploads"):
                await client.put_object(
                    Bucket=BUCKET, Key=f"{folder}/{n}/it", Body=b"%d" % n, ContentType="image/webp"
                )


async def read_s3(at: Endpoints) -> object:
    async with s3(at) as client:
        for n in range(RECORDS // 4):
            found = await client.get_object(Bucket=BUCKET, Key=f"uploads/{n}/it")
            if await found["Body"].read() != b"%d" % n:
                return False
    async with AsyncClient() as http:  # the policy was kept as well
        shown = await http.get(f"{at.s3}/{BUCKET}/media/1/it")
        hidden = await http.get(f"{at.s3}/{BUCKET}/uploads/1/it")
    return (shown.status_code, hidden.status_code) == (200, 403)


def s3(at: Endpoints) -> AbstractAsyncContextManager[Any]:
    return get_session().create_client(
        "s3",
        endpoint_url=at.s3,
        region_name="us-east-1",
        aws_access_key_id=at.s3_access_key,
        aws_secret_access_key=at.s3_secret_key,
    )


async def write_edge(at: Endpoints) -> None:
    await write_s3(at)
    assert await read_edge(at)


async def read_edge(at: Endpoints) -> object:
    async with AsyncClient() as http:
        return (await http.get(f"{at.edge}/{BUCKET}/media/1/it")).content == b"1"


Step = Callable[[Endpoints], Awaitable[object]]
KEPT: dict[str, tuple[Step, Step]] = {
    "kafka": (write_kafka, read_kafka),
    "cassandra": (write_cassandra, read_cassandra),
    "redis": (write_redis, read_redis),
    "s3": (write_s3, read_s3),
    "edge": (write_edge, read_edge),
}


@pytest.mark.parametrize("name", KEPT)
async def test_kill_9_loses_nothing_that_was_acknowledged(stack: Stack, name: str) -> None:
    write, read = KEPT[name]
    await write(stack.endpoints)
    before = pids(stack)[name]
    stack.kill(name)
    assert pids(stack)[name] is None
    await stack.start(name)
    assert pids(stack)[name] not in (None, before)
    assert await read(stack.endpoints)


async def test_a_restart_of_everything_loses_nothing(stack: Stack) -> None:
    before = stack.endpoints
    await asyncio.gather(*(KEPT[name][0](before) for name in KEPT if name != "edge"))
    running = [pid for pid in pids(stack).values() if pid]
    await stack.down()
    assert all(row.state == "stopped" for row in stack.status())
    assert all(map(has_ended, running))
    assert await stack.up() == before, "ports and keys are remembered"
    assert all([await read(before) for _, read in KEPT.values()])


async def test_up_again_leaves_what_runs_and_starts_what_is_missing(stack: Stack) -> None:
    before = pids(stack)
    stack.kill("redis")
    await stack.up()
    after = pids(stack)
    assert [name for name in after if after[name] != before[name]] == ["redis"]
    assert after["redis"]


async def test_down_twice_is_down(tmp_path: Path, stack: Stack) -> None:
    other = Stack(tmp_path, environ=bare_environ() | given_by(stack, "redis"), report=nothing)
    await other.up()
    for _ in range(2):
        await other.down()
    assert {row.state for row in other.status()} == {"given", "stopped"}


def given_by(stack: Stack, *but: str) -> dict[str, str]:
    variables = {f"INSTASTREAM_{name.upper()}" for name in but}
    return {name: value for name, value in stack.environ().items() if name not in variables}


async def test_a_given_server_is_neither_started_nor_stopped(tmp_path: Path, stack: Stack) -> None:
    before = pids(stack)
    other = Stack(tmp_path, environ=bare_environ() | given_by(stack), report=nothing)
    assert await other.up() == stack.endpoints
    await other.down()
    assert not read_state(tmp_path).processes  # type: ignore[union-attr]
    assert pids(stack) == before


async def test_a_given_server_that_is_not_there_is_named(tmp_path: Path, stack: Stack) -> None:
    environ = (
        bare_environ() | given_by(stack) | {"INSTASTREAM_REDIS": "redis://:secret@127.0.0.1:9"}
    )
    with pytest.raises(Unready, match=r"127\.0\.0\.1:9, which INSTASTREAM_REDIS names") as raised:
        await Stack(tmp_path, environ=environ, report=nothing).up()
    assert "secret" not in str(raised.value)


async def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path, stack: Stack) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        environ = bare_environ() | given_by(stack, "redis") | {"INSTASTREAM_REDIS_PORT": port}
        with pytest.raises(Unready, match=f"^port {port} of redis is taken [^\n]*$"):
            await Stack(tmp_path, environ=environ, report=nothing).up()


async def test_a_configured_port_is_used(tmp_path: Path, stack: Stack) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = bare_environ() | given_by(stack, "edge") | {"INSTASTREAM_EDGE_PORT": str(port)}
    other = Stack(tmp_path, environ=environ, report=nothing)
    try:
        assert (await other.up()).edge == f"http://127.0.0.1:{port}"
        moved = environ | {"INSTASTREAM_EDGE_PORT": str(port + 1)}
        with pytest.raises(Unready, match=f"edge runs on port {port}: run `instastream down`"):
            await Stack(tmp_path, environ=moved, report=nothing).up()
    finally:
        await other.down()


def test_nothing_listens_beyond_loopback(stack: Stack) -> None:
    ours = {inode for row in stack.status() if row.pid for inode in socket_inodes(row.pid)}
    listening = [
        fields[1].split(":")[0]
        for table in ("tcp", "tcp6")
        for fields in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A" and fields[9] in ours
    ]
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}  # the second: Java's, over IPv6
    assert len(listening) >= len(SERVERS)
    assert set(listening) <= loopback


def socket_inodes(pid: int) -> set[str]:
    links = (str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def test_keys_are_for_the_owner_only(home: Path) -> None:
    assert (home / "stack.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700


async def test_the_edge_serves_media_from_its_cache_and_nothing_else(stack: Stack) -> None:
    await write_s3(stack.endpoints)
    base = f"{stack.endpoints.edge}/{BUCKET}"
    async with AsyncClient() as http:
        first, second = [await http.get(f"{base}/media/7/it") for _ in range(2)]
        assert (first.content, first.headers["content-type"]) == (b"7", "image/webp")
        assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
        assert second.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert second.headers["x-content-type-options"] == "nosniff"
        assert second.headers["access-control-allow-origin"] == "*"
        assert not [name for name in second.headers if "amz" in name]
        part = await http.get(f"{base}/media/8/it", headers={"range": "bytes=0-0"})
        assert (part.status_code, part.headers["content-range"]) == (206, "bytes 0-0/1")
        for path in ("/media/none", "/uploads/7/it", "/media/", "/media", "", "/media/7/.it"):
            assert (await http.get(base + path)).status_code == 404, path
        for method in ("PUT", "POST", "DELETE", "OPTIONS"):
            assert (await http.request(method, f"{base}/media/7/it")).status_code == 405


@pytest.mark.parametrize(
    "path",
    ["/media/../uploads/7/it", "/media/..%2fuploads/7/it", "/media/7/%2e%2e/%2e%2e/uploads/7/it"],
)
async def test_no_spelling_of_a_path_leads_to_an_original(stack: Stack, path: str) -> None:
    await write_s3(stack.endpoints)
    port = int(stack.endpoints.edge.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /{BUCKET}{path} HTTP/1.0\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 404")
    writer.close()


async def test_what_was_cached_is_served_while_the_store_is_down(stack: Stack) -> None:
    await write_s3(stack.endpoints)
    assert await read_edge(stack.endpoints)
    stack.kill("s3")
    assert await read_edge(stack.endpoints)
    await stack.start("s3")


async def test_workers_of_a_killed_edge_do_not_keep_its_port(stack: Stack) -> None:
    master = pids(stack)["edge"]
    assert master
    os.kill(master, signal.SIGKILL)  # not by the launcher, which would kill its workers too
    await stack.up()
    assert pids(stack)["edge"] not in (None, master)


async def test_our_own_processes_outlive_the_launcher_that_started_them(
    home: Path, stack: Stack, tmp_path: Path
) -> None:
    code = f"""
import asyncio
from pathlib import Path
from infra.native.stack import ProcessSpec, Stack
async def ready(): return True
spec = ProcessSpec(
    name="own", argv=["sleep", "600"], env={{"PATH": "/bin:/usr/bin"}}, cwd=Path("/"), ready=ready
)
asyncio.run(Stack(Path({str(home)!r}), environ={{}}, report=lambda *step: None).run(spec))
"""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=True)
    row = next(row for row in stack.status() if row.name == "own")
    assert (row.state, row.log) == ("running", str(home / "logs" / "own.log"))
    await stack.stop("own")
    assert "own" not in pids(stack)
    assert row.pid
    assert has_ended(row.pid)


async def test_our_own_process_is_killed_and_started_again(stack: Stack, tmp_path: Path) -> None:
    async def ready() -> bool:
        return (tmp_path / "ready").exists()

    spec = ProcessSpec(
        name="own",
        argv=["/bin/sh", "-c", "touch ready; exec sleep 600"],
        env={"PATH": os.defpath},
        cwd=tmp_path,
        ready=ready,
    )
    await stack.run(spec)
    first = pids(stack)["own"]
    await stack.run(spec)
    assert pids(stack)["own"] == first
    stack.kill("own")
    assert next(row.state for row in stack.status() if row.name == "own") == "died"
    await stack.start("own")
    assert pids(stack)["own"] not in (None, first)
    await stack.stop("own")


async def test_a_server_that_cannot_start_shows_why(tmp_path: Path, stack: Stack) -> None:
    environ = bare_environ() | given_by(stack, "redis")
    (tmp_path / "redis" / "appendonlydir").mkdir(parents=True)
    manifest = tmp_path / "redis" / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("not a manifest\n")
    started = time.monotonic()
    with pytest.raises(Unready, match=r"(?s)redis ended while starting; .*/logs/redis\.log .*AOF"):
        await Stack(tmp_path, environ=environ, report=nothing).up()
    assert time.monotonic() - started < processes.READY_TIMEOUT_S / 10
