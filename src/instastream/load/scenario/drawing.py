"""Draws whom users follow, a block of users at a time.

Of the generator only doubles are taken: no release of numpy has changed those of PCG64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Choice = Callable[[Ints], Ints]  # for each user one to follow: themselves where there is none

BLOCK = 1_000_000  # edges, about: their keys stay in the processor's cache
TICKETS_MIN = 16  # of a user, on average: whoever is drawn rarely is drawn as rarely as asked
INSIDE = 0.9  # of an ordinary user's followers: two steps then end inside in four of five cases
INSIDE_MIN = 0.8  # of all edges, however many followers the stars take from everywhere
ROW_BITS = 32
SMALLEST = 1e-200  # of a shape: whatever it is divided by is finite


@dataclass(frozen=True, eq=False)
class Rows:
    """Compressed sparse rows: `ids[starts[n] : starts[n + 1]]` is row n, ascending."""

    starts: Ints
    ids: NDArray[np.int32]

    def __post_init__(self) -> None:
        self.starts.flags.writeable = self.ids.flags.writeable = False

    @property
    def lengths(self) -> Ints:
        """Of each row."""
        return np.diff(self.starts)


def paired(numbers: NDArray[np.int32], ids: NDArray[np.int32]) -> Ints:
    """Keys, one for each id: the number of its row above it."""
    keys = numbers.astype(np.int64)
    keys <<= ROW_BITS
    keys |= ids
    return keys


def numbers_of(rows: Rows) -> NDArray[np.int32]:
    """For each id that of its row."""
    return np.repeat(np.arange(rows.starts.size - 1, dtype=np.int32), rows.lengths)


def keys_of(rows: Rows) -> Ints:
    """All of them, ascending."""
    return paired(numbers_of(rows), rows.ids)


def rows_of(keys: Ints, count: int) -> Rows:
    """`count` rows from ascending keys."""
    lengths = np.bincount(keys >> ROW_BITS, minlength=count)
    return Rows(np.append(0, lengths.cumsum()), keys.astype(np.int32))


def distinct(keys: Ints) -> Ints:
    """Ascending; `keys` is sorted on the way."""
    keys.sort(kind="stable")
    first = np.ones(keys.size, dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first]


def levelled(shape: Floats, *, total: float, most: int) -> Floats:
    """As `shape`, which descends from 1, scaled to sum up to `total` with none above `most`."""
    shape = np.maximum(shape, SMALLEST)
    below = shape[::-1].cumsum()[::-1]
    scales = (total - most * np.arange(shape.size)) / below
    fits = scales * shape <= most * (1 + 1e-9)
    levels: Floats = np.minimum(scales[np.argmax(fits)] * shape, most)
    return levels


def shuffled(values: Floats, random: np.random.Generator) -> Floats:
    """The same in another order."""
    return values[np.argsort(random.random(values.size), kind="stable")]


def raffle(followers: Floats, *, communities: int, random: np.random.Generator) -> Choice:
    """Chooses users as often as each is to have followers, most from the chooser's community.

    Half a community at most follows its star as such: the rest of the followers comes from
    everywhere.
    """
    users = followers.size
    scale = max(1.0, TICKETS_MIN * users / followers.sum())
    near = np.minimum(INSIDE * followers, users / communities / 2)
    inside = np.floor(near * scale + random.random(users)).astype(np.int64)
    outside = np.floor((followers - near) * scale + random.random(users)).astype(np.int64)
    ids = np.arange(users, dtype=np.int32)
    tickets = np.concatenate([np.repeat(ids, inside), np.repeat(ids, outside)])
    first_users = -(-np.arange(communities + 1) * users // communities)
    firsts = np.append(0, inside.cumsum())[first_users]
    share = max(firsts[-1] / tickets.size, INSIDE_MIN)

    def choose(choosers: Ints) -> Ints:
        community = choosers * communities // users
        stays = random.random(choosers.size) < share
        begins = np.where(stays, firsts[community], firsts[-1])
        ends = np.where(stays, firsts[community + 1], tickets.size)
        return tickets[begins + below(ends - begins, random)].astype(np.int64)

    return choose


def closing(rows: Rows, random: np.random.Generator) -> Choice:
    """Chooses whom somebody follows whom the chooser follows."""

    def step(users: Ints) -> Ints:
        begins = rows.starts[users]
        lengths = rows.starts[users + 1] - begins
        at = np.minimum(begins + below(lengths, random), rows.ids.size - 1)
        return np.where(lengths, rows.ids[at], users)

    return lambda choosers: step(step(choosers))


def anyone(users: int, random: np.random.Generator) -> Choice:
    """Chooses any user as likely as another."""
    return lambda choosers: below(np.full_like(choosers, users), random)


def below(ends: Ints, random: np.random.Generator) -> Ints:
    """A number from 0 and below each end."""
    return (random.random(ends.size) * ends).astype(np.int64)


def grown(rows: Rows, wanted: Ints, choices: Sequence[Choice]) -> Rows:
    """With as many ids in each row as wanted, chosen in the first way that finds enough."""
    starts = np.append(0, wanted.cumsum())
    ids = np.empty(starts[-1], dtype=np.int32)
    for first, end in pairwise(_blocks(starts)):
        begins = rows.starts[first : end + 1]
        held = Rows(begins - begins[0], rows.ids[begins[0] : begins[-1]])
        keys = _filled(keys_of(held), wanted[first:end], first, choices)
        keys = _completed(keys, wanted[first:end], first, wanted.size)
        ids[starts[first] : starts[end]] = keys
    return Rows(starts, ids)


def _blocks(starts: Ints) -> list[int]:
    """Where blocks of rows begin, and where the last ends."""
    firsts = np.searchsorted(starts, np.arange(0, starts[-1], BLOCK))
    return [*np.unique(firsts).tolist(), starts.size - 1]


def _filled(keys: Ints, wanted: Ints, first: int, choices: Sequence[Choice]) -> Ints:
    for choose in choices:
        missing = wanted - np.bincount(keys >> ROW_BITS, minlength=wanted.size)
        numbers = np.repeat(np.arange(wanted.size), missing)
        if not numbers.size:
            break
        chosen = choose(numbers + first)
        fresh = ((numbers << ROW_BITS) | chosen)[chosen != numbers + first]
        fresh.sort()  # apart, as it is far quicker than to sort all
        keys = distinct(np.concatenate([keys, fresh]))
    return keys


def _completed(keys: Ints, wanted: Ints, first: int, users: int) -> Ints:
    """Whoever follows almost everyone follows those that are first of the rest."""
    missing = wanted - np.bincount(keys >> ROW_BITS, minlength=wanted.size)
    fresh = [keys]
    for number in np.flatnonzero(missing):
        begin, end = np.searchsorted(keys, [number << ROW_BITS, (number + 1) << ROW_BITS])
        taken = np.append(keys[begin:end] & ((1 << ROW_BITS) - 1), number + first)
        free = np.setdiff1d(np.arange(users), taken)[: missing[number]]
        fresh.append((number << ROW_BITS) | free)
    return distinct(np.concatenate(fresh))
