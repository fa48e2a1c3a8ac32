"""Who and what there is in an invented world, and who is chosen of it."""

from random import Random
from typing import Generic, TypeVar

from instastream.ids import CommentId, PostId, UserId
from instastream.limits import COMMENT_BUCKET_LENGTH
from instastream.load.scenario.popularity import rank

LATELY = 4_096  # of what was said of each kind: any of it may be taken back
POPULAR_MAX = 200_000  # posts, and users: 100 MB; then new ones take the places of others

One = TypeVar("One")


class Post:
    """A post, how many comments it ever had, and whether it still stands."""

    __slots__ = ("author_id", "comments", "deleted", "post_id", "shards")

    def __init__(self, post_id: PostId, author_id: UserId, shards: int) -> None:
        self.post_id = post_id
        self.author_id = author_id
        self.shards = shards
        self.comments = 0
        self.deleted = False


class Comment:
    """A comment, where it stands, and how many replies it ever had."""

    __slots__ = ("author_id", "bucket", "comment_id", "comments", "post", "reply_to")

    def __init__(
        self, comment_id: CommentId, author_id: UserId, post: Post, reply_to: "Comment | None"
    ) -> None:
        self.comment_id = comment_id
        self.author_id = author_id
        self.post = post
        self.reply_to = reply_to.comment_id if reply_to else None
        self.comments = 0
        bucket = _next_bucket(post)
        self.bucket = _next_bucket(reply_to) if reply_to else bucket


def _next_bucket(of: Post | Comment) -> int:
    """Where the next comment on it stands; that comes now."""
    of.comments += 1
    return (of.comments - 1) // COMMENT_BUCKET_LENGTH


class Lately(Generic[One]):
    """Some of what happened lately; what is full forgets one by chance for each that comes."""

    def __init__(self, random: Random, length: int = LATELY) -> None:
        self._random = random
        self._length = length
        self._some: list[One] = []

    def __len__(self) -> int:
        return len(self._some)

    def add(self, one: One) -> None:
        """It happened just now."""
        if len(self._some) < self._length:
            self._some.append(one)
        else:
            self._some[int(self._random.random() * self._length)] = one

    def any(self) -> One:
        """One by chance."""
        return self._some[int(self._random.random() * len(self._some))]

    def take(self) -> One:
        """One by chance, that is not there any more."""
        at = int(self._random.random() * len(self._some))
        self._some[at], self._some[-1] = self._some[-1], self._some[at]
        return self._some.pop()


class Popular(Generic[One]):
    """The first are the most popular: the n-th is chosen in proportion to n**-zipf."""

    def __init__(self, random: Random, *, zipf: float) -> None:
        self._random = random
        self._zipf = zipf
        self.all: list[One] = []

    def add(self, one: One) -> None:
        """The least popular, or where there are too many, in the place of one that is not much."""
        if len(self.all) < POPULAR_MAX:
            self.all.append(one)
        else:
            self.all[self._random.randrange(POPULAR_MAX // 2, POPULAR_MAX)] = one

    def any(self) -> One:
        """One by chance, all alike."""
        return self.all[int(self._random.random() * len(self.all))]

    def popular(self) -> One:
        """One by its popularity."""
        return self.all[rank(self._random.random(), len(self.all), self._zipf)]

    def take(self) -> One:
        """One of the less popular half by chance, that is not there any more."""
        at = self._random.randrange(len(self.all) // 2, len(self.all))
        self.all[at], self.all[-1] = self.all[-1], self.all[at]
        return self.all.pop()
