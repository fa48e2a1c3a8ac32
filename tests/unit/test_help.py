"""What each command says of itself when it is asked for help."""

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
