"""The command, and what its commands share."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from instastream.errors import InstastreamError
from instastream.load.checks.violations import Violation

PROCESSES_MAX = 64
AT_ONCE_MAX = 100_000

load = App(
    name="load",
    help="""Generate load, say how fast the system was, and check that it was right.

    **Examples**

        instastream load scenarios
        instastream load run smoke
        instastream load compare runs/before runs/after
    """,
    help_format="markdown",
)

Api = Annotated[str, Parameter(show_default=False, help="Its address; else what runs here.")]
Out = Annotated[
    Path | None, Parameter(show_default=False, help="A new folder for history and report.")
]
Owned = Annotated[
    bool,
    Parameter(name="--i-own-this-target", negative="", help="Load a system on another machine."),
]
ScenarioName = Annotated[
    str, Parameter(help="One that comes with instastream, or the path of a TOML file.")
]
Processes = Annotated[
    int,
    Parameter(validator=Number(gte=1, lte=PROCESSES_MAX), help="That generate, for more cores."),
]
AtOnce = Annotated[
    int,
    Parameter(
        validator=Number(gte=1, lte=AT_ONCE_MAX),
        help="Operations under way, in all; what is due beyond is not begun, and counted.",
    ),
]


def fail_if(violations: list[Violation] | None, history: Path) -> None:
    """Exit code 1, and how to look again."""
    if violations:
        raise InstastreamError(
            f"promises were broken ({len(violations)}): instastream load check {history}"
        )
