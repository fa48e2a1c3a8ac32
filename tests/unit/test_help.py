"""What each command says of itself when it is asked for help."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from cyclopts import App

from instastream.cli import app


def commands(of: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each with those that it is a part of."""
    for name in of:
        if name not in (*of.help_flags, *of.version_flags):
            yield (*path, name)
            yield from commands(of[name], (*path, name))


@pytest.mark.parametrize("command", list(commands(app)), ids=" ".join)
def test_every_command_explains_itself_with_an_example(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    app([*command, "--help"], result_action="return_value")
    said = capsys.readouterr().out
    assert " ".join(("instastream", *command)) in said
    assert "Example" in said
    assert "\x1b[" not in said, "colours are for terminals"


def test_the_list_of_commands_says_what_each_is_for_without_the_extra_of_load() -> None:
    code = "import sys; sys.modules['numpy'] = None; from instastream.cli import app; app('--help')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    listed = dict(re.findall(r"^│ ([a-z]+) +(.*?) *│$", ran.stdout, re.MULTILINE))
    assert {name for name, said in listed.items() if said} == {name for name, *_ in commands(app)}
