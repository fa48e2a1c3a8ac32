"""`instastream sweep`: removes what nothing needs, with a receipt, and tells what is missing."""

import asyncio
from collections.abc import Iterable

from msgspec import Struct
from rich.table import Column, Table
from rich.text import Text

from instastream import shell
from instastream.dead_tables import harmless
from instastream.deps import open_deps
from instastream.errors import InstastreamError
from instastream.findings import Finding, bytes_of
from instastream.process import complete
from instastream.settings import Settings
from instastream.sweeping.sweeping import sweep as sweep_all
from instastream.terminal import Steps, show

SHOWN = 50  # of each kind
KINDS = {
    "never-finalized": "uploads that were never finalized",
    "unneeded-upload": "uploads that are needed no more",
    "abandoned-parts": "uploads in parts that were abandoned",
    "unneeded-media": "media that no post needs any more",
    "orphan": "media that nothing refers to",
    "stuck": "posts that wait: announced again",
    "dangling": "posts that lack objects: nothing is done about them",
    "unknown": "objects of unknown origin: left alone",
}


class Total(Struct, frozen=True, kw_only=True):
    """Of one kind what was found."""

    found: int
    objects: int
    size_bytes: int


class Receipt(Struct, frozen=True, kw_only=True):
    """What went, or would, and what else was found."""

    dry_run: bool
    size_bytes: int  # of all that goes
    totals: dict[str, Total]  # by kind
    findings: list[Finding]


def sweep(
    *,
    dry_run: shell.Flag = False,
    as_json: shell.AsJson = False,
) -> None:
    """Remove what nothing needs, all at once, and say what went and why, with bytes.

    The `ledger` workers do the same, a part at a time. Nothing goes that is younger than its grace
    or that a post needs, whatever else happens at the same moment. Posts that wait for their media
    for over an hour are announced again; posts whose objects are gone are only told of. Reads all
    of the object store's listing. Safe to repeat, and to stop anywhere. Exit code 1 where posts
    lack objects.

    **Examples**

        # what would go, and why
        instastream sweep --dry-run
        instastream sweep --json | jq .size_bytes
        # which objects are missing
        instastream sweep --dry-run --json | jq '.findings[] | select(.kind == "dangling")'

    Parameters
    ----------
    dry_run
        Write nothing.
    """
    with Steps() as steps:
        receipt = complete(_sweep(shell.settings(), steps, dry_run=dry_run))
    show(receipt, *receipt_tables(receipt), as_json=as_json)
    if dangling := receipt.totals.get("dangling"):
        raise InstastreamError(f"{dangling.found} media lack objects: see docs/operating.md")


async def _sweep(settings: Settings, steps: Steps, *, dry_run: bool) -> Receipt:
    findings: list[Finding] = []
    async with open_deps(settings) as deps:
        try:
            async for some in sweep_all(deps, dry_run=dry_run, report=steps.report):
                findings += some
        except asyncio.CancelledError:
            done = "" if dry_run else f"; {bytes_of(findings) / 1e6:.1f} MB are gone"
            steps.say(f"{len(findings)} things were found{done}: the same command goes on")
            raise
    return receipt_of(findings, dry_run=dry_run)


def receipt_of(findings: list[Finding], *, dry_run: bool) -> Receipt:
    """All that was found, in the order of kinds, and summed up."""
    by_kind = {kind: [one for one in findings if one.kind == kind] for kind in KINDS}
    return Receipt(
        dry_run=dry_run,
        size_bytes=bytes_of(findings),
        totals={kind: _total(found) for kind, found in by_kind.items() if found},
        findings=[one for found in by_kind.values() for one in found],
    )


def _total(findings: Iterable[Finding]) -> Total:
    found = list(findings)
    return Total(
        found=len(found),
        objects=sum(one.objects for one in found),
        size_bytes=sum(one.size_bytes for one in found),
    )


def receipt_tables(receipt: Receipt) -> list[Table]:
    """A table of each kind, and one of totals."""
    tables = [_table(kind, receipt) for kind in receipt.totals]
    total = Table(title_justify="left", show_header=False)
    total.title = "Would be swept" if receipt.dry_run else "Swept"
    for kind, one in receipt.totals.items():
        total.add_row(KINDS[kind], str(one.found), f"{one.size_bytes / 1000:.0f} kB")
    would = "would go" if receipt.dry_run else "are gone"
    total.caption = f"{receipt.size_bytes / 1e6:.1f} MB {would}"
    return [*tables, total]


def _table(kind: str, receipt: Receipt) -> Table:
    table = Table(Column("of", overflow="fold"), Column("why", overflow="fold"))
    table.title, table.title_justify = KINDS[kind].capitalize(), "left"
    table.add_column("objects", justify="right")
    table.add_column("kB", justify="right")
    found = [one for one in receipt.findings if one.kind == kind]
    for one in found[:SHOWN]:
        kilobytes = f"{one.size_bytes / 1000:.0f}"
        table.add_row(Text(harmless(one.of)), Text(harmless(one.why)), str(one.objects), kilobytes)
    if len(found) > SHOWN:
        table.caption = f"{len(found)} in all: --json has them"
    return table
