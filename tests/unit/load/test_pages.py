"""A page shows all of a report, loads nothing, and runs nothing that a server said."""

import base64
import re
import sys
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from instastream.errors import Unready
from instastream.load.checks.violations import Violation
from instastream.load.reporting.pages import comparison_html, to_html
from instastream.load.reporting.spreads import Spreads
from tests.unit.load.runs import HOSTILE, hostile_report, measured_minute, report_of


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


hostile = [
    to_html(hostile_report()),
    comparison_html(hostile_report(), hostile_report(), names=(HOSTILE, HOSTILE)),
]


@pytest.mark.parametrize("page", hostile, ids=["report", "comparison"])
def test_what_a_server_said_is_text(page: str) -> None:
    seen = Seen(page)
    assert HOSTILE in seen.text
    assert len(seen.named("script")) == 1
    assert seen.named("img") == []
    assert not [name for _, attributes in seen.tags for name in attributes if name[:2] == "on"]


@pytest.mark.parametrize("page", hostile, ids=["report", "comparison"])
def test_a_page_may_load_nothing_and_run_its_own_script_only(page: str) -> None:
    seen = Seen(page)
    assert [a.get("src") for _, a in seen.tags if a.get("src")] == []
    assert [a.get("href") for _, a in seen.tags if a.get("href")] == ["data:,"]
    assert not re.search(r"url\(|@import", page)
    policy = next(a["content"] for a in seen.named("meta") if a.get("http-equiv")) or ""
    script = page[page.rindex("<script>") + 8 : page.rindex("</script>")]
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}';" in policy


def test_a_report_shows_every_operation_problem_and_violation() -> None:
    evidence = {"op": 1812, "topic": "engagement.likes", "seen": [["p3", "u4", 11]]}
    violation = Violation(rule="lost-like", said="A like was lost.", evidence=evidence)
    text = Seen(to_html(report_of(measured_minute(), violations=[violation]))).text
    for shown in ("mixed-social", "seed 7", "read_feed", "like", "post", "429 too-many-likes"):
        assert shown in text
    for shown in ("lost-like", "A like was lost.", "1812", "engagement.likes", '[["p3","u4",11]]'):
        assert shown in text


@pytest.mark.parametrize(
    ("violations", "said"),
    [(None, "the check did not run"), ([], "every promise was kept")],
)
def test_a_check_that_did_not_run_is_not_one_that_found_nothing(
    violations: list[Violation] | None, said: str
) -> None:
    page = to_html(report_of(measured_minute(), violations=violations))
    assert said in Seen(page).text


def test_a_run_that_was_stopped_before_anything_ended_has_a_page() -> None:
    page = to_html(report_of(Spreads(), ticks=[], took_s=0.0))
    assert Seen(page).text.count("Not measured in this run.") == page.count("<figure")


@pytest.mark.parametrize("module", ["jinja2", "hdrh.codec"])
def test_without_the_extra_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    report = report_of(measured_minute())
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unready, match=r"pip install 'instastream\[load\]'"):
        to_html(report)


def test_a_comparison_overlays_both_curves_of_each_operation() -> None:
    runs = [report_of(measured_minute(slow=slow)) for slow in (1.0, 2.0)]
    page = comparison_html(runs[0], runs[1], names=("before", "after"))
    figures = re.findall(r'<figure id="plot-percentiles-(\w+)"(.*?)</figure>', page, re.DOTALL)
    assert [kind for kind, _ in figures] == ["like", "post", "read_feed"]
    for _, figure in figures:
        assert [figure.count("<path"), figure.count("before"), figure.count("after")] > [2, 1, 1]
