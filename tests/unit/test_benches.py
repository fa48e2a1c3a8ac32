"""The command lines of benches: what each says of itself, and what it refuses."""

import re
import runpy
import sys

import pytest

from instastream import checkout
from instastream.cli import app

BENCHES = (
    "comments",
    "demo",
    "edge",
    "engagement",
    "fanout",
    "feed",
    "graphs",
    "lists",
    "load",
    "recovery",
    "replay",
    "variants",
    "video",
    "visible",
    "worker",
)


def run(name: str, argument: str, monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """`python -m bench.NAME ARGUMENT`, as far as it goes; its exit code, or its last words."""
    monkeypatch.setattr(sys, "argv", [name, argument])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"bench.{name}", run_name="__main__")
    return ended.value.code


@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_that_is_asked_for_help_measures_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(name, "--help", monkeypatch) == 0
    assert capsys.readouterr().out.startswith("usage:")


def test_a_folder_of_photographs_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run("variants", "/not/there", monkeypatch) == "There is no folder /not/there."


def test_the_command_names_every_bench(capsys: pytest.CaptureFixture[str]) -> None:
    app(["bench", "--help"], result_action="return_value")
    said = set(re.findall(r"\w+", capsys.readouterr().out))
    assert checkout.benches() == sorted(BENCHES)
    assert set(BENCHES) <= said
