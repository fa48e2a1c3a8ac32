"""The five servers as the launcher runs them, and what each must still know after a crash."""

import asyncio
import json
import os
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
from infra.native.stack import Endpoints, Stack
from instastream.steps import ignore
from instastream.stores.cassandra.session import open_cluster

BUCKET = "native-test"
TOPIC = TopicPartition("native-test", 0)
RECORDS = 200
# Its socket's path would not fit into 107 bytes, nor itself into ISO-8859-1.
HOME = "with a space, a \"quote\", a back\\slash, 'ž' and %20 " + "of some length" * 6
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


def bare_environ() -> dict[str, str]:
    """No address and no port given: every server is the launcher's own."""
    return {name: os.environ[name] for name in ("HOME", "INSTASTREAM_CACHE") if name in os.environ}


@pytest.fixture(scope="package")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    home = tmp_path_factory.mktemp("home") / HOME
    stack = Stack(home, environ=bare_environ(), report=ignore)
    try:
        await stack.up()
        yield home
    finally:
        await stack.down()


@pytest.fixture
async def stack(home: Path) -> Stack:
    """As a later launcher finds it, with everything up."""
    stack = Stack(home, environ=bare_environ(), report=ignore)
    await stack.up()
    return stack


def pids(stack: Stack) -> dict[str, int | None]:
    return {row.name: row.pid for row in stack.status()}


def has_ended(pid: int) -> bool:
    return processes._has_ended(processes._fields(pid))


# One function writes, the other reads.


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
    "s3": (write_s3, read_s3),
    "edge": (write_edge, read_edge),
}
