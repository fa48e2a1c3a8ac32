"""Who and what is chosen: a few often, most hardly ever (Zipf)."""

import math
from random import Random


def zipf_rank(count: int, exponent: float, random: Random) -> int:
    """A rank below `count`, the smaller the likelier: rank r as (r + 1) ** -exponent.

    By inversion of the integral, which needs no table and so lets `count` grow; 0 is uniform.
    """
    last, share = count + 1, random.random()
    if exponent == 1:
        rank = math.pow(last, share)
    else:
        rest = 1 - exponent
        rank = math.pow(1 + share * (math.pow(last, rest) - 1), 1 / rest)
    return min(count, math.floor(rank)) - 1


class Ranks:
    """What is there by popularity, in an order of its own; what comes later lands anywhere in it.

    Two of other seeds are hot apart: what is read most is not what is written most.
    """

    def __init__(self, random: Random, *, exponent: float) -> None:
        self._random = random
        self._exponent = exponent
        self._by_rank: list[int] = []

    def __len__(self) -> int:
        return len(self._by_rank)

    def add(self, number: int) -> None:
        """Put something at some rank; what had it becomes the last."""
        rank = self._random.randrange(len(self._by_rank) + 1)
        self._by_rank.append(number)
        self._by_rank[rank], self._by_rank[-1] = number, self._by_rank[rank]

    def remove(self, number: int) -> None:
        """Forget one; the last has its rank from now on."""
        rank = self._by_rank.index(number)
        self._by_rank[rank] = self._by_rank[-1]
        self._by_rank.pop()

    def choose(self) -> int:
        """One of them; raises IndexError where there is none."""
        if not self._by_rank:
            raise IndexError
        return self._by_rank[zipf_rank(len(self._by_rank), self._exponent, self._random)]
