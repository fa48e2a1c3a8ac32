"""What deliveries to lists took, and how a bench tells it."""

from dataclasses import dataclass

from bench.report import Result


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What some deliveries took, by the clock and of each process's CPU."""

    deliveries: int
    wall_s: float
    cpu_s: dict[str, float]


def against(taken: Taken, floor: list[Taken], name: str, what: str) -> list[Result]:
    """Ratios to redis-benchmark, before and after together."""
    pushes = sum(one.deliveries for one in floor)
    wall_s = sum(one.wall_s for one in floor)
    server_s = sum(one.cpu_s["redis"] for one in floor)
    return [
        Result(
            name=name,
            value=taken.deliveries / taken.wall_s,
            unit="deliveries/s",
            ratio=taken.deliveries / taken.wall_s / (pushes / wall_s),
            against=what,
        ),
        Result(
            name=f"{name}_server_cpu",
            value=taken.deliveries / taken.cpu_s["redis"],
            unit="deliveries/CPU s of Redis",
            ratio=taken.deliveries / taken.cpu_s["redis"] / (pushes / server_s),
            against=what,
        ),
    ]


def costs(count: int, taken: Taken, least: Taken) -> list[Result]:
    """CPU of each process for a delivery, in microseconds."""
    return [
        Result(
            name=f"{process}_at_{count}_followers",
            value=1e6 * spent_s / taken.deliveries,
            unit="CPU us/delivery",
            ratio=(least.cpu_s[process] / least.deliveries) / (spent_s / taken.deliveries),
            against="at 1000 followers",
        )
        for process, spent_s in taken.cpu_s.items()
    ]


def other(name: str, taken: Taken, fresh: Taken) -> Result:
    return Result(
        name=name,
        value=taken.deliveries / taken.wall_s,
        unit="deliveries/s",
        ratio=(taken.deliveries / taken.wall_s) / (fresh.deliveries / fresh.wall_s),
        against="fresh posts in order",
    )
