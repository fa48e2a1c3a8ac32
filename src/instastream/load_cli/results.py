"""`check`, `compare` and `parquet`: what a run left."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from infra import local
from instastream import shell
from instastream.errors import Unready
from instastream.load.checks import checking
from instastream.load.checks.histories import header_of, read
from instastream.load.checks.parquet import to_parquet
from instastream.load.over_http.targets import check_target
from instastream.load.reporting import reports
from instastream.load.reporting.comparing import compare as compare_reports
from instastream.load.reporting.comparing import comparison_table
from instastream.load.reporting.pages import comparison_html
from instastream.load.reporting.tables import violations_table
from instastream.load_cli.app import Api, Owned, fail_if, load
from instastream.load_cli.trial import NUMBERS
from instastream.process import complete
from instastream.settings import Settings
from instastream.terminal import Steps, show


@load.command
def check(
    history: Path, *, api: Api = "", i_own_this_target: Owned = False, as_json: shell.AsJson = False
) -> None:
    """Compare what a system shows with what a run did to it, once it has come to rest.

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
    target = check_target(api or str(header.api), is_owned=i_own_this_target)
    settings = _settings_of(target)
    with Steps() as steps:
        checks = checking.check(entries, api=target, settings=settings, report=steps.report)
        violations = complete(checks)
    show(violations, violations_table(violations), as_json=as_json)
    fail_if(violations, history)


def _settings_of(target: str) -> Settings | None:
    """Of the servers behind an API, where it is the one that runs here."""
    with suppress(Unready):
        environ = shell.environ()
        if target == environ.get(local.API, "").rstrip("/"):
            return Settings.from_env(environ)
    return None


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
    to_parquet(read(history), out)
