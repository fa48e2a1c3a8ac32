"""Pushes to feeds as others make them: commands in a pipeline, for a list or a sorted set each."""

from collections.abc import Callable

from redis.asyncio.client import Pipeline

from instastream.limits import FEED_LENGTH

Queue = Callable[[Pipeline, str, str], object]


def _list(pipeline: Pipeline, key: str, post_id: str) -> None:
    pipeline.lpush(key, post_id)
    pipeline.ltrim(key, 0, FEED_LENGTH - 1)


def _sorted_set(pipeline: Pipeline, key: str, post_id: str) -> None:
    pipeline.zadd(key, {post_id: int(post_id)})
    pipeline.zremrangebyrank(key, 0, -FEED_LENGTH - 1)


# By the command that is called once for each delivery.
RIVALS: dict[str, Queue] = {"lpush": _list, "zadd": _sorted_set}
