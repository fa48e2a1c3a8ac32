"""A scenario that is tried is shown while it is measured."""

from pathlib import Path
from typing import Self

import pytest

from instastream.load.over_http.running import Asked, Watch
from instastream.load.reporting.reports import Report
from instastream.load.reporting.spreads import Sample, Spreads
from instastream.load.scenario.scenarios import Scenario, load_scenario
from instastream.load_cli import trial
from instastream.load_cli.target import Target
from instastream.terminal import Steps
from tests.unit.load.runs import measured_minute, report_of


class Behind:
    """Samples a system whose workers are behind."""

    def __init__(self, *_: object) -> None:
        self.lag = {"feeds": 1_234}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def sample(self) -> Sample:
        return Sample(lag=self.lag)


async def test_what_is_behind_is_shown_meanwhile(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def run(scenario: Scenario, asked: Asked, *, watch: Watch, **_: object) -> Report:
        watch(Spreads(), -1.0)
        watch(measured_minute(), 10.0)
        return report_of(measured_minute())

    monkeypatch.setattr(trial, "run", run)
    monkeypatch.setattr(trial, "Sampler", Behind)
    asked = Asked(api="http://127.0.0.1:9", folder=tmp_path)
    with Steps() as steps:
        await trial.measure(load_scenario("smoke"), asked, steps, target=Target(asked.api))
    assert "1,234 events behind" in capsys.readouterr().err
