"""A real Chromium shows a report of load: every plot has its lines, and nothing is loaded."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from instastream.load.reporting.pages import comparison_html, to_html
from instastream.load.reporting.reports import Report
from tests.browser.chromium import Browser
from tests.browser.devtools import Page, page_of
from tests.unit.load.runs import HOSTILE, hostile_report, measured_minute, report_of

PLOTS = {
    "latency": 3,
    "percentiles": 3,
    "throughput": 6,
    "kinds": 3,
    "load": 3,
    "under-way": 1,
    "lag": 2,
    "cpu": 2,
    "rss": 2,
}
PROBLEMS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")

FIGURES = """[...document.querySelectorAll("figure")].map((figure) => [
  figure.id.replace("plot-", ""),
  [...figure.querySelectorAll("path")].map((path) => Math.round(path.getTotalLength())),
  figure.querySelector(".box").getBoundingClientRect().width,
])"""
HOVER = """(() => {
  const box = document.querySelector("#plot-latency .box");
  const { left, top, width } = box.getBoundingClientRect();
  box.dispatchEvent(new PointerEvent("pointermove", { clientX: left + width / 2, clientY: top }));
  const told = (slug) => document.querySelector(`#plot-${slug} ul`).innerText.replace(/\\s+/g, " ");
  return [told("latency"), told("cpu"), document.querySelectorAll("#plot-cpu em").length];
})()"""
HIDE = """(() => {
  document.querySelector("#plot-cpu button").click();
  return [...document.querySelectorAll("#plot-cpu path")].map((path) => path.checkVisibility());
})()"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
async def page(browser: Browser, tmp_path: Path) -> AsyncIterator[Page]:
    async with page_of(browser, tmp_path) as page:
        yield page


async def show(page: Page, folder: Path, html: str) -> list[Any]:
    """Opened as a file; returns the plots, after nothing else was loaded or complained of."""
    (folder / "report.html").write_text(html)
    await page.open((folder / "report.html").as_uri())
    figures: list[Any] = await page.evaluate(FIGURES)
    requests = [told["request"]["url"] for told in page.heard("Network.requestWillBeSent")]
    assert requests == [(folder / "report.html").as_uri()]
    assert [told for name in PROBLEMS for told in page.heard(name)] == []
    return figures


async def test_every_plot_has_its_lines(page: Page, tmp_path: Path) -> None:
    figures = await show(page, tmp_path, to_html(report_of(measured_minute())))
    assert {slug: len(lengths) for slug, lengths, _ in figures} == PLOTS
    for slug, lengths, width in figures:
        assert max(lengths) > 100, slug
        assert width > 200, slug


async def test_the_pointer_tells_values_and_names_hide_lines(page: Page, tmp_path: Path) -> None:
    await show(page, tmp_path, to_html(report_of(measured_minute())))
    latency, cpu, dots = await page.evaluate(HOVER)
    assert re.fullmatch(r"p50 \d+ ms p99 37 ms p99.9 37 ms 0:29", latency)
    assert cpu == "api 0.50 kafka 0.25 0:29"
    assert dots == 2
    assert await page.evaluate(HIDE) == [False, True]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_needs_no_sideways_scrolling(page: Page, tmp_path: Path, scheme: str) -> None:
    screen = {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    await page.call("Emulation.setDeviceMetricsOverride", **screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    await page.call("Emulation.setEmulatedMedia", features=features)
    await show(page, tmp_path, to_html(report_of(measured_minute())))
    assert await page.evaluate(OVERFLOW) == 0
    background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (min(map(int, background[4:-1].split(","))) > 200) == (scheme == "light")


def compared(report: Report) -> str:
    return comparison_html(report, report, names=("before", HOSTILE))


@pytest.mark.parametrize("to_page", [to_html, compared], ids=["report", "comparison"])
async def test_what_a_server_said_runs_nothing(
    page: Page, tmp_path: Path, to_page: Callable[[Report], str]
) -> None:
    assert await show(page, tmp_path, to_page(hostile_report()))
    assert await page.evaluate(f"document.body.innerText.includes({HOSTILE!r})")
    assert await page.evaluate("document.scripts.length") == 1
    assert page.heard("Page.javascriptDialogOpening") == []
