"""Which rounds there are, and when in each something happens: data, and a seed."""

import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from random import Random
from typing import TypeAlias

import msgspec
from msgspec import Struct

from instastream.errors import Unready
from tests.nemesis.faults import FAULTS

Span: TypeAlias = tuple[float, float]


class Planned(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of the schedule; seconds."""

    fault: str
    of: tuple[str, ...] = ("",)
    after_s: Span = (1.0, 4.0)  # from the load's begin until it is injected
    held_s: Span = (0.0, 0.0)  # from then until it is healed
    lasts_s: float = 12.0  # the load
    videos: float = 0.0
    ci: tuple[str, ...] = ()


class Round(Struct, frozen=True, kw_only=True):
    """One fault under one load; the same seed gives the same."""

    name: str
    fault: str
    of: str
    seed: int
    after_s: float
    held_s: float
    lasts_s: float
    videos: float
    ci: bool

    @property
    def random(self) -> Random:
        """What else the fault leaves to chance."""
        return Random(f"{self.seed}/{self.name}/fault")


def rounds(seed: int, only: Iterable[str] = ()) -> list[Round]:
    """Those of the schedule whose name is, or begins with, one of `only`: all where that is none.

    Raises Unready where there is none of a name.
    """
    every, chosen = list(_rounds(seed)), tuple(only)
    for wanted in chosen:
        if not any(_is(one.name, wanted) for one in every):
            raise Unready(f"there is no fault {wanted}: see --list")
    return [one for one in every if not chosen or any(_is(one.name, want) for want in chosen)]


def _is(name: str, wanted: str) -> bool:
    return name == wanted or name.startswith(f"{wanted}-")


def _rounds(seed: int) -> Iterator[Round]:
    text = files("tests.nemesis").joinpath("schedule.toml").read_text()
    for plan in msgspec.convert(tomllib.loads(text)["faults"], list[Planned]):
        assert plan.fault in FAULTS
        for of in plan.of:
            words = (plan.fault, *of.split())
            name = "-".join(word for word in words if word not in ("", "+"))
            random = Random(f"{seed}/{name}")
            yield Round(
                name=name,
                fault=plan.fault,
                of=of,
                seed=seed,
                after_s=random.uniform(*plan.after_s),
                held_s=random.uniform(*plan.held_s),
                lasts_s=plan.lasts_s,
                videos=plan.videos,
                ci=of in plan.ci,
            )
