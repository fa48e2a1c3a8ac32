"""Creates what the system keeps things in: topics, tables and the bucket. Safe to repeat."""

import asyncio
import json
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct, convert

from infra.tables import create_tables
from instastream.deps import now_ms
from instastream.errors import Unavailable, Unready
from instastream.limits import RECORD_BYTES_MAX
from instastream.log import KafkaLog
from instastream.media_urls import origin_key
from instastream.settings import Settings
from instastream.stores.cassandra.epochs import CassandraEpochs
from instastream.stores.cassandra.session import open_session
from instastream.stores.s3 import REGION_DEFAULT, open_client
from instastream.uploads import ORIGINALS

FOR_EVER = -1
KNOWN_WITHIN_S = 10  # a new topic's partitions spread from broker to broker
POLL_S = 0.1
# A page may send a PUT that it was given: what it holds, and not where it is, gives it the right.
BROWSERS = {
    "CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["PUT"], "AllowedHeaders": ["*"]}]
}
# Parts are the owner's to send for a day, and swept by a worker; this is for when none runs.
LIFECYCLE = {
    "Rules": [
        {
            "ID": "abandoned-parts",
            "Status": "Enabled",
            "Filter": {"Prefix": ORIGINALS},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        }
    ]
}


class Topic(Struct, frozen=True):
    """A topic as `topics.toml` describes it; its epoch matters where offsets date what is kept."""

    partitions: int
    epoch: int | None = None
    retention_ms: int = FOR_EVER
    record_bytes_max: int = RECORD_BYTES_MAX


async def provision(settings: Settings) -> None:
    """Topics, tables and bucket; raises Unready when what is there contradicts the files."""
    await asyncio.gather(
        create_topics(settings), asyncio.to_thread(create_tables, settings), create_bucket(settings)
    )
    await record_epochs(settings)


def topics() -> dict[str, Topic]:
    """Every topic by name."""
    return convert(
        tomllib.loads(files("infra").joinpath("topics.toml").read_text()), dict[str, Topic]
    )


async def create_topics(settings: Settings) -> None:
    """The topics that are not there yet; partition counts are never changed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    try:
        await admin.start()
        wanted = {settings.prefix + name: topic for name, topic in topics().items()}
        response = await admin.create_topics(
            [_new_topic(name, topic, settings.replication) for name, topic in wanted.items()]
        )
        _check_created(response.topic_errors)
        _check_partitions(wanted, await _described(admin, list(wanted)))
    except (KafkaError, TimeoutError) as error:
        raise Unavailable("kafka", error) from error
    finally:
        await admin.close()


async def record_epochs(settings: Settings) -> None:
    """Which topic each epoch is of; raises Unready where another one has come in its place."""
    async with (
        open_session(settings) as session,
        KafkaLog(settings.kafka, prefix=settings.prefix) as log,
    ):
        epochs = CassandraEpochs(session, log.life, now_ms)
        for name, topic in topics().items():
            if topic.epoch is not None:
                await epochs.record(name, topic.epoch)


def _new_topic(name: str, topic: Topic, replication: int) -> NewTopic:
    configs = {
        "retention.ms": str(topic.retention_ms),
        "max.message.bytes": str(topic.record_bytes_max),
        # acks=all means all that are in sync: of three, never just one.
        "min.insync.replicas": str(max(1, replication - 1)),
    }
    return NewTopic(name, topic.partitions, replication, topic_configs=configs)


async def _described(admin: AIOKafkaAdminClient, names: list[str]) -> list[dict[str, Any]]:
    """Every topic, once the broker that is asked knows all of their partitions."""
    async with asyncio.timeout(KNOWN_WITHIN_S):
        while True:
            described = await admin.describe_topics(names)
            if not any(topic["error_code"] for topic in described):
                return described
            await asyncio.sleep(POLL_S)


def _check_created(errors: Iterable[tuple[str, int, str]]) -> None:
    for _, code, message in errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise for_code(code)(message)


def _check_partitions(wanted: dict[str, Topic], described: list[dict[str, Any]]) -> None:
    for found in described:
        name, count = found["topic"], len(found["partitions"])
        if count != wanted[name].partitions:
            raise Unready(
                f"topic {name} has {count} partitions and topics.toml says "
                f"{wanted[name].partitions}: events of one key would part; restore the number"
            )


async def create_bucket(settings: Settings) -> None:
    """The bucket; anyone may read `media/`, our edge `private/` too, and nobody anything else."""
    policy = json.dumps(_policy(settings.bucket, origin_key(settings.edge_key)))
    try:
        async with open_client(settings) as client:
            with suppress(client.exceptions.BucketAlreadyOwnedByYou):
                await client.create_bucket(Bucket=settings.bucket, **_location(client))
            await client.put_bucket_policy(Bucket=settings.bucket, Policy=policy)
            await client.put_bucket_cors(Bucket=settings.bucket, CORSConfiguration=BROWSERS)
            await client.put_bucket_lifecycle_configuration(
                Bucket=settings.bucket, LifecycleConfiguration=LIFECYCLE
            )
    except (ClientError, BotoCoreError) as error:
        raise Unavailable("the object store", error) from error


def _location(client: Any) -> dict[str, Any]:
    """Where AWS makes the bucket: named everywhere but in its first region."""
    region = client.meta.region_name
    if region == REGION_DEFAULT:
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def _policy(bucket: str, key: str) -> dict[str, object]:
    from_edge = {"StringEquals": {"aws:Referer": key}}
    statements = [_readable(bucket, "media"), _readable(bucket, "private", Condition=from_edge)]
    return {"Version": "2012-10-17", "Statement": statements}


def _readable(bucket: str, folder: str, **condition: object) -> dict[str, object]:
    return {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/{folder}/*",
        **condition,
    }
