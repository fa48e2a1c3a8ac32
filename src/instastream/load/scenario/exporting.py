"""A scenario as a script for locust or k6: for those who have everything else in these."""

import base64
from collections.abc import Mapping
from math import ceil
from typing import Any, Literal, TypeAlias

from instastream.load.extra import extra
from instastream.load.scenario.media import original
from instastream.load.scenario.scenarios import KINDS, Media, PowerLaw, Scenario

Tool: TypeAlias = Literal["locust", "k6"]

NAMES: Mapping[Tool, str] = {"locust": "locustfile.py", "k6": "k6.js"}
NEVER = {"fetch", "delete_post"}  # what these scripts leave out
PHOTO_BYTES = 20_000
STAGES = 60  # straight lines that a course of rates is told as
WEIGHT_STEPS = 1_000  # the smallest weight that is told apart is one of so many


def export(scenario: Scenario, tool: Tool) -> str:
    """The script; what it says at its head is how to run it."""
    with extra():
        from jinja2 import Environment, PackageLoader, StrictUndefined
    environment = Environment(
        loader=PackageLoader("instastream.load.scenario", "exported"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    photo = original(0, Media(source="synthetic", size_bytes=PHOTO_BYTES), seed=0)
    graph = scenario.graph
    told: dict[str, Any] = {
        "name": scenario.name,
        "file": NAMES[tool],
        "users": scenario.users,
        "seconds": ceil(scenario.duration_s),
        "page_length": scenario.page_length,
        "per_user": round(scenario.arrivals.peak / scenario.users, 6),
        "followees": round(graph.followees_mean) if isinstance(graph, PowerLaw) else 10,
        "photo": base64.b64encode(photo.content).decode(),
        "weights": _weights(scenario),
        "stages": _stages(scenario),
    }
    return environment.get_template(f"{NAMES[tool]}.jinja").render(told)


def _weights(scenario: Scenario) -> dict[str, int]:
    """Whole numbers, as locust wants them."""
    mix = {kind: scenario.mix.get(kind, 0.0) for kind in KINDS if kind not in NEVER}
    whole = sum(mix.values()) or 1.0
    return {kind: ceil(weight / whole * WEIGHT_STEPS) for kind, weight in mix.items() if weight}


def _stages(scenario: Scenario) -> list[dict[str, Any]]:
    """The rate at the end of each of some lines, one after another."""
    step_s = scenario.duration_s / STAGES

    def at(at_s: float) -> float:
        return scenario.arrivals.at(at_s, scenario.duration_s)

    return [
        {"duration": f"{step_s:g}s", "target": max(1, round(at(number * step_s)))}
        for number in range(1, STAGES + 1)
    ]
