"""`check`, `compare` and `parquet`: what a run left."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from instastream import shell
from instastream.errors import Unready
from instastream.load.checks import checking
from instastream.load.checks.histories import header_of, read
from instastream.load.checks.parquet import to_parquet
from instastream.load.reporting import reports
from instastream.load.reporting.comparing import compare as compare_reports
from instastream.load.reporting.comparing import comparison_table
from instastream.load.reporting.pages import comparison_html
from instastream.load.reporting.tables import violations_table
from instastream.load_cli.app import Api, Owned, fail_if, load
from instastream.load_cli.target import target_of
from instastream.load_cli.trial import NUMBERS
from instastream.process import complete, say
from instastream.terminal import Steps, show


@load.command
def check(
    history: Path, *, api: Api = "", i_own_this_target: Owned = False, as_json: shell.AsJson = False
) -> None:
    """Compare what a system shows with what a run did to it, once it has come to rest.

    Also what its log and stores say, where it runs here or the environment names all its servers.
    Exit code 1 where something is wrong; what shows it is printed with it.

    **Examples**

        instastream load check runs/smoke-20260102-030405
        instastream load check runs/smoke-20260102-030405 --json | jq '.[].evidence'

    Parameters
    ----------
    history
        The folder of a run, or one file of it.
    """
    header, entries = header_of(read(history))
    target = target_of(api or str(header.api), is_owned=i_own_this_target)
    with Steps() as steps:
        checks = checking.check(
            entries, api=target.api, settings=target.settings, report=steps.report
        )
        violations = complete(checks)
    table = violations_table(violations, unchecked=target.unchecked)
    show(violations, table, as_json=as_json)
    if target.caveat:
        say(target.caveat)
    fail_if(violations, history)


@load.command
def compare(
    first: Path,
    second: Path,
    *,
    html: Annotated[Path | None, Parameter(show_default=False)] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Put two runs side by side.

    **Examples**

        instastream load compare runs/before runs/after
        instastream load compare runs/before runs/after --html difference.html

    Parameters
    ----------
    first
        The folder of a run, or its `report.json`.
    second
        Another.
    html
        Where to write a page with the curves of both.
    """
    one, other = (reports.read(_report_of(path)) for path in (first, second))
    names = (str(first), str(second))
    comparison = compare_reports(one, other, names=names)
    show(comparison, comparison_table(comparison), as_json=as_json)
    if html:
        html.write_text(comparison_html(one, other, names=names))


def _report_of(path: Path) -> Path:
    return path / NUMBERS if path.is_dir() else path


@load.command
def parquet(history: Path, out: Path) -> None:
    """Write a history as Parquet, for tools that read tables.

    **Example**

        instastream load parquet runs/smoke-20260102-030405 smoke.parquet

    Parameters
    ----------
    history
        The folder of a run, or one file of it.
    out
        A new file.
    """
    if out.exists():
        raise Unready(f"{out} is there already: choose another name")
    to_parquet(read(history, cut_short=True), out)
