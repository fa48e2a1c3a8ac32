"""Likes for benches: many at once, of posts as popular as posts are, straight to a topic."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from random import Random

from aiokafka import AIOKafkaProducer

from bench.followers import many_ids
from instastream.events import PostLiked, encode, headers
from instastream.ids import SEQUENCES, LikeId, PostId, UserId, compose
from instastream.settings import Settings
from instastream.tracing import current_trace

POSTS = 100_000
LIKES_PER_S = 5_000  # of all posts
SENT_AT_ONCE = 5_000


def popular(posts: Sequence[str], count: int, random: Random) -> list[str]:
    """Posts by a Zipf distribution of exponent 1."""
    weights = list(accumulate(1 / (rank + 1) for rank in range(len(posts))))
    return random.choices(posts, cum_weights=weights, k=count)


def likes_of(
    posts: Sequence[str], *, shards: int, at_ms: int, per_s: int = LIKES_PER_S
) -> list[PostLiked]:
    """Each by someone else; so many a second, as their ids say."""
    users = many_ids(len(posts), at_ms=at_ms)
    like_ids = (
        compose(at_ms=at_ms + 1_000 * n // per_s, worker=1, sequence=n % SEQUENCES)
        for n in range(len(posts))
    )
    return [
        PostLiked(
            post_id=PostId(post),
            user_id=UserId(user),
            like_id=LikeId(like_id),
            shards=shards,
            at_ms=at_ms,
        )
        for post, user, like_id in zip(posts, users, like_ids, strict=True)
    ]


def likes_by_post(likes: Sequence[PostLiked]) -> Counter[PostId]:
    """How many each post has."""
    return Counter(like.post_id for like in likes)


async def append_all(settings: Settings, likes: Sequence[PostLiked]) -> None:
    """As the log does, with all its headers, and many at once."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka, enable_idempotence=True, acks="all", linger_ms=5
    )
    async with producer:
        for some in _chunks(likes):
            sent = [
                await producer.send(
                    settings.prefix + like.topic,
                    encode(like),
                    key=like.key.encode(),
                    headers=headers(like, current_trace()),
                )
                for like in some
            ]
            for one in sent:
                await one


def _chunks(likes: Sequence[PostLiked]) -> Iterator[list[PostLiked]]:
    rest = iter(likes)
    while some := list(islice(rest, SENT_AT_ONCE)):
        yield some
