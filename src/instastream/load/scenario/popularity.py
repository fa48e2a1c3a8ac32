"""Who and what is chosen: a few often, most hardly ever (Zipf)."""

import math
from random import Random


def rank(chance: float, length: int, zipf: float) -> int:
    """0..length-1, for a chance in [0, 1): the n-th, from 1, in proportion to n**-zipf.

    By the inverse of the law's smooth sum, which needs no table and so lets `length` grow.
    """
    last = length + 1
    if zipf == 1:
        return min(int(math.pow(last, chance)), length) - 1
    power = 1 - zipf
    return min(int(math.pow(1 + chance * (math.pow(last, power) - 1), 1 / power)), length) - 1


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
        return self._by_rank[rank(self._random.random(), len(self._by_rank), self._exponent)]
