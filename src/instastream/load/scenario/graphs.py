"""Who follows whom: made with the shape of social networks, or read from a file."""

from array import array
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from instastream.errors import Unready
from instastream.limits import FOLLOWS_MAX, LOAD_EDGES_MAX, LOAD_USERS_MAX
from instastream.load.extra import extra

with extra():
    import numpy as np

    from instastream.load.scenario import drawing
    from instastream.load.scenario.drawing import Ints, Rows

TRIES = 6  # at one way of choosing: what then fails is one edge in ten thousand
LINE_BYTES_MAX = 65_536  # a file that has no lines is refused before it fills the memory
COMMENT = ord("#")


@dataclass(frozen=True, eq=False)
class Graph:
    """Who follows whom; users are 0 to `users - 1`.

    Nobody follows themselves, or anyone twice, or more than FOLLOWS_MAX. Whom one follows and who
    follows one are told as read-only views of ascending ints, which cost nothing to make.
    """

    rows: Rows  # of each user, whom they follow
    names: Sequence[str] = ()  # of each user, as the file has them
    dropped: int = 0  # lines of the file that repeat another, or follow themselves

    @property
    def users(self) -> int:
        """How many there are."""
        return self.rows.starts.size - 1

    @property
    def edges(self) -> int:
        """How many follow somebody, each counted for each whom they follow."""
        return self.rows.ids.size

    def followees(self, user: int) -> Sequence[int]:
        """Whom a user follows; raises IndexError for one that there is not."""
        return _row(self.rows, user)

    def followers(self, user: int) -> Sequence[int]:
        """Who follows a user; the first call sorts all edges."""
        return _row(self._columns, user)

    @cached_property
    def _columns(self) -> Rows:
        keys = drawing.paired(self.rows.ids, drawing.numbers_of(self.rows))
        keys.sort()
        return drawing.rows_of(keys, self.users)


def power_law(
    *,
    users: int,
    followees_mean: float,
    exponent: float,
    clustering: float,
    communities: int,
    seed: int,
) -> Graph:
    """A graph whose follower counts have a power-law tail; the same for the same arguments.

    Of the most popular, the number who have k followers falls with k as k^-exponent. `clustering`
    is the share of edges that are chosen as a followee's followee, beside those that close a
    triangle by chance. User u belongs to community u * communities // users; most edges stay in
    one. How many somebody follows is log-logistic, its tail of exponent 3, up to FOLLOWS_MAX.

    Raises Unready naming the argument that is out of bounds.
    """
    most = max(0, min(users - 1, FOLLOWS_MAX))
    _check("users", users, most=LOAD_USERS_MAX)
    _check("followees_mean", followees_mean, most=most, why=f", as each of {users:,} users can")
    _check("users * followees_mean", users * followees_mean, most=LOAD_EDGES_MAX)
    _check("clustering", clustering, most=1)
    _check("communities", communities, least=1, most=max(1, users))
    if not exponent > 1:
        raise Unready(f"exponent must be above 1, not {exponent}")
    if seed < 0:
        raise Unready(f"seed must be 0 or more, not {seed}")
    rows = Rows(np.zeros(users + 1, dtype=np.int64), np.empty(0, dtype=np.int32))
    total = round(users * followees_mean)
    if not total:
        return Graph(rows)
    random = np.random.Generator(np.random.PCG64(seed))
    wanted = _followees(users, total, most, random)
    shape = np.arange(1.0, users + 1) ** (-1 / (exponent - 1))
    followers = drawing.shuffled(drawing.levelled(shape, total=total, most=users - 1), random)
    raffle = drawing.raffle(followers, communities=communities, random=random)
    freely = [*[raffle] * TRIES, *[drawing.anyone(users, random)] * TRIES]
    closed = np.floor(wanted * clustering + random.random(users)).astype(np.int64)
    rows = drawing.grown(rows, np.maximum(wanted - closed, np.minimum(wanted, 1)), freely)
    while rows.ids.size < wanted.sum():
        closing = drawing.closing(rows, random)
        rows = drawing.grown(
            rows, np.minimum(wanted, 2 * rows.lengths), [*[closing] * TRIES, *freely]
        )
    return Graph(rows)


def _check(name: str, value: float, *, least: int = 0, most: int, why: str = "") -> None:
    if not least <= value <= most:
        raise Unready(f"{name} must be from {least} to {most:,}{why}, not {value:,}")


def _followees(users: int, total: int, most: int, random: np.random.Generator) -> Ints:
    """How many each user follows, `total` together: a few a lot, most less than the mean."""
    below = (np.arange(users) + 0.5) / users
    shape = np.sqrt((1 - below) / below * (below[0] / (1 - below[0])))
    exact = drawing.shuffled(drawing.levelled(shape, total=total, most=most), random)
    ends = np.floor(exact.cumsum() + 0.5).astype(np.int64)
    return np.minimum(np.diff(ends, prepend=0), most)


def read_edges(path: Path) -> Graph:
    """A graph from lines `a b`: a follows b. Users are numbered as their names first appear.

    Lines that are blank or begin with # are skipped. Raises Unready naming the line that has not
    two names, or whoever follows more than FOLLOWS_MAX.
    """
    numbers, ends = _Numbers(), array("i")
    for line_number, words in _lines(path):
        try:
            if len(ends) == 2 * LOAD_EDGES_MAX:
                raise OverflowError
            follower, followee = words
            ends.append(numbers[follower])
            ends.append(numbers[followee])
        except UnicodeDecodeError as error:
            raise Unready(f"{path}, line {line_number}: a name is not UTF-8") from error
        except ValueError as error:
            wanted = "two names, `a b`, where a follows b"
            raise Unready(f"{path}, line {line_number}: there must be {wanted}") from error
        except OverflowError as error:
            most = f"{LOAD_USERS_MAX:,} users and {LOAD_EDGES_MAX:,} edges"
            raise Unready(f"{path}, line {line_number}: there may be {most} at most") from error
    return _graph(path, numbers, ends)


def _lines(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    """The words of each line that has some, with its number."""
    try:
        with path.open("rb") as file:
            if file.peek(len(BOM_UTF8)).startswith(BOM_UTF8):
                file.read(len(BOM_UTF8))
            read = partial(file.readline, LINE_BYTES_MAX + 1)
            for number, line in enumerate(iter(read, b""), 1):
                if len(line) > LINE_BYTES_MAX:
                    most = f"{LINE_BYTES_MAX:,} bytes at most"
                    raise Unready(f"{path}, line {number}: there may be {most}")
                words = line.split()
                if words and words[0][0] != COMMENT:
                    yield number, words
    except OSError as error:
        raise Unready(f"{path} can't be read: {error.strerror}") from error


class _Numbers(dict[bytes, int]):
    """Of names, from 0 on; a new one raises UnicodeDecodeError if it is no text."""

    def __missing__(self, name: bytes) -> int:
        if len(self) == LOAD_USERS_MAX:
            raise OverflowError
        name.decode()
        number = self[name] = len(self)
        return number


def _graph(path: Path, numbers: _Numbers, ends: "array[int]") -> Graph:
    pairs = np.frombuffer(ends, dtype=np.int32).reshape(-1, 2)
    keys = drawing.paired(*pairs[pairs[:, 0] != pairs[:, 1]].T)
    rows = drawing.rows_of(drawing.distinct(keys), len(numbers))
    names = [name.decode() for name in numbers]
    crowded = np.flatnonzero(rows.lengths > FOLLOWS_MAX)
    if crowded.size:
        name, count = names[crowded[0]], rows.lengths[crowded[0]]
        raise Unready(f"{path}: {name} follows {count:,}, of {FOLLOWS_MAX:,} at most")
    return Graph(rows, names, len(pairs) - rows.ids.size)


def _row(rows: Rows, number: int) -> Sequence[int]:
    if not 0 <= number < rows.starts.size - 1:
        raise IndexError(f"there is no user {number}")
    return rows.ids.data[rows.starts[number] : rows.starts[number + 1]].toreadonly()
