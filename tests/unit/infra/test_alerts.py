"""What is alerted on and drawn is what the code counts, and what to do about it is told."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client import REGISTRY, CollectorRegistry

from infra import local
from instastream import metrics
from instastream.api.metrics import RequestMetrics
from instastream.api.openapi import OPERATIONS

ROOT = Path(__file__).parents[3]
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "infra/prometheus/rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((ROOT / "infra/grafana/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TOLD = (ROOT / "docs/operating.md").read_text()

OF_TARGETS = {"job", "instance"}  # labels that Prometheus itself adds
VALUES = {
    "app": {*local.WORKERS, "$app"},
    "route": {operation.path for operation in OPERATIONS},
    "outcome": {"done", "refused", "failed", "made", "shared", "left"},
    "why": {"redis", "rebuilding"},
    "cache": {"posts"},
    "kind": {"dangling", "stuck"},
    "job": {"instastream-.+"},
    "status": {"5.."},
}


def families() -> dict[str, set[str]]:
    """All that the API and the workers tell, by the name of its family, with its labels."""
    of_worker, of_api = CollectorRegistry(), RequestMetrics()
    metrics.WorkerMetrics("unit", of_worker).watch(in_flight=lambda: 0, behind=dict)
    of_api.watch(caches=dict, streams=lambda: 0)
    return {
        family.name + "_total" * (family.type == "counter"): set(labels)
        for registry in (REGISTRY, of_worker, of_api.registry)
        for collector in list(registry._collector_to_names)
        for family, labels in _described(collector)
    }


def _described(collector: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Names of labels are in no public place."""
    if hasattr(collector, "_labelnames"):
        yield next(iter(collector.describe())), collector._labelnames
    else:
        for family in collector.collect():
            yield family, getattr(family, "_labelnames", ())


FAMILIES = families()


def labels_of(name: str) -> set[str]:
    """Those of a series."""
    if name == "up":
        return OF_TARGETS
    part = re.fullmatch(r"(.*)_(bucket|sum|count)", name)
    if part and part[1] in FAMILIES:
        return FAMILIES[part[1]] | OF_TARGETS | ({"le"} if part[2] == "bucket" else set())
    assert name in FAMILIES, f"nothing tells {name}"
    return FAMILIES[name] | OF_TARGETS


def checked(expression: Any) -> set[str]:
    """The labels of what an expression answers; fails at a name or label that is nobody's."""
    match type(expression).__name__:
        case "VectorSelector":
            labels = labels_of(expression.name)
            for matcher in expression.matchers.matchers:
                assert matcher.name in labels, f"{expression.name} has no {matcher.name}"
                assert matcher.value in VALUES[matcher.name] | {"/v1/feed/stream"}, matcher.value
            return labels
        case "MatrixSelector":
            return checked(expression.vector_selector)
        case "AggregateExpr":
            by = set(expression.modifier.labels) if expression.modifier else set()
            inner = checked(expression.expr)
            assert by <= inner, f"{by - inner} is no label of {expression.prettify()}"
            return by
        case "Call":
            found = [checked(argument) for argument in expression.args]
            inner = set().union(*found)
            return inner - {"le"} if expression.func.name == "histogram_quantile" else inner
        case "BinaryExpr":
            return checked(expression.lhs) | checked(expression.rhs)
        case "ParenExpr":
            return checked(expression.expr)
        case "NumberLiteral":
            return set()
        case other:
            raise AssertionError(f"{other} is not looked into")


def of_query(query: str) -> set[str]:
    return checked(promql.parse(query.replace("$__rate_interval", "5m")))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_on_what_is_told(rule: dict[str, Any]) -> None:
    labels = of_query(rule["expr"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    summary = rule["annotations"]["summary"]
    assert set(re.findall(r"\$labels\.(\w+)", summary)) <= labels


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_draws_what_is_told(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        labels = of_query(target["expr"])
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels
    alerts = re.findall(r"[A-Z]\w+[a-z][A-Z]\w+", panel["description"])
    assert set(alerts) <= {rule["alert"] for rule in RULES}


def test_panels_are_all_different_and_none_covers_another() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        own = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not own & cells, panel["title"]
        assert max(x for x, _ in own) < 24
        cells |= own


def test_every_alert_has_what_it_means_and_what_to_do_in_the_docs() -> None:
    [table] = re.findall(r"\n### Alerts\n(.*?)\n### ", TOLD, re.DOTALL)
    rows = re.findall(r"^\| `(\w+)` (page|ticket) \| (.+) \| (.+) \|$", table, re.MULTILINE)
    told = [(name, severity) for name, severity, meaning, action in rows if meaning and action]
    assert told == [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]


def test_every_metric_of_ours_is_in_the_docs_with_its_labels() -> None:
    [table] = re.findall(r"\n### Metrics\n(.*?)\n### ", TOLD, re.DOTALL)
    told = {
        name: set(re.findall(r"`(\w+)`", labels))
        for names, labels in re.findall(r"^\| (`.+?`) \| (.*?)\| .+ \|$", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert told == {name: of for name, of in FAMILIES.items() if name.startswith("instastream_")}


def test_every_metric_of_ours_is_drawn_or_alerted_on() -> None:
    queries = [rule["expr"] for rule in RULES]
    queries += [target["expr"] for panel in PANELS for target in panel["targets"]]
    used = set(re.findall(r"instastream_\w+", " ".join(queries)))
    for name in FAMILIES:
        if name.startswith("instastream_"):
            assert used & {name, f"{name}_bucket", f"{name}_count", f"{name}_sum"}, name


def test_an_example_of_how_to_scrape_names_the_rules_and_their_jobs() -> None:
    example = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())
    assert [(ROOT / "infra/prometheus" / name).exists() for name in example["rule_files"]] == [True]
    jobs = [job["job_name"] for job in example["scrape_configs"]]
    assert jobs == ["instastream-api", "instastream-worker"]
