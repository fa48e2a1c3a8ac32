"""A report, or two side by side, as one file that a browser shows without any network."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any

import msgspec

from instastream.load.extra import extra
from instastream.load.reporting import comparing, units
from instastream.load.reporting.figures import percentile_plot, plots_of, seconds
from instastream.load.reporting.histograms import decode
from instastream.load.reporting.plots import Plot, Series, draw
from instastream.load.reporting.reports import Report, Spread

PACKAGE = "instastream.load.reporting"
TIGHT = {"p50": 2, "p90": 10, "p99": 100, "p999": 1_000, "p9999": 10_000}  # fewer: it is the max


def to_html(report: Report) -> str:
    """The whole report; whatever a server said is text in it."""
    began = datetime.fromtimestamp(report.began_ms / 1_000, UTC)
    return _render(
        "page.html",
        title=f"{report.scenario}: load report",
        report=report,
        began=began.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00") + " UTC",
        drawings=[draw(plot) for plot in plots_of(report)],
        rows=[("all", report.all), *report.by_kind.items()],
        per_s=lambda spread: spread.ok / report.took_s if report.took_s else 0.0,
        is_loose=_is_loose,
        problems=sorted(report.problems.items(), key=lambda one: (-one[1], one[0])),
    )


def comparison_html(first: Report, second: Report, *, names: tuple[str, str]) -> str:
    """Both: every operation's ratio, and both percentile curves of each in one plot."""
    comparison = comparing.compare(first, second, names=names)
    curves = [_curves(row.kind, first, second, names) for row in comparison.rows[1:]]
    plots = [_over_time(first, second, names), *curves]
    return _render(
        "comparison.html",
        title=f"{names[0]} and {names[1]}: load compared",
        comparison=comparison,
        headings=comparing.HEADINGS,
        rows=[(row.kind, comparing.cells(row)) for row in comparison.rows],
        drawings=[draw(plot) for plot in plots],
    )


def _render(template: str, **shown: Any) -> str:
    with extra():
        from jinja2 import Environment, PackageLoader, StrictUndefined
    environment = Environment(
        loader=PackageLoader(PACKAGE, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_filters())
    script = files(PACKAGE).joinpath("page.js").read_text()
    return environment.get_template(template).render(
        **shown,
        style=files(PACKAGE).joinpath("page.css").read_text(),
        script=script,
        script_hash=base64.b64encode(sha256(script.encode()).digest()).decode(),
    )


def _filters() -> Mapping[str, Any]:
    """How the templates write numbers; none of their output is taken as markup."""
    written = (units.ms, units.count, units.percent, units.clock)
    return {one.__name__: one for one in written} | {"as_json": _as_json}


def _as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _is_loose(spread: Spread, name: str) -> bool:
    """Whether too few were measured for this percentile to be anything but the largest."""
    return spread.ok + spread.unknown < TIGHT.get(name, 0)


def _curves(kind: str, first: Report, second: Report, names: tuple[str, str]) -> Plot:
    found = [
        (name, report.histograms.get(kind))
        for name, report in zip(names, (first, second), strict=True)
    ]
    return percentile_plot(
        {name: decode(text) for name, text in found if text},
        slug=f"percentiles-{kind}",
        title=kind,
        about="Latency by percentile, of both.",
    )


def _over_time(first: Report, second: Report, names: tuple[str, str]) -> Plot:
    """p99 of both, by seconds since each began."""
    x = sorted({*seconds(first.ticks), *seconds(second.ticks)})
    by_second = [{tick.at_s: tick.p99 or None for tick in one.ticks} for one in (first, second)]
    return Plot(
        slug="latency",
        title="p99 over time",
        about="Of all operations that were due in a second.",
        x=x,
        series=[
            Series(name, [found.get(int(at_s)) for at_s in x], f"t{at}")
            for at, (name, found) in enumerate(zip(names, by_second, strict=True))
        ],
        text=units.ms,
        log=True,
    )
