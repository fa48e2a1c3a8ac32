"""What the command prints of a sweep, and when it fails."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from instastream import shell, sweep_cli
from instastream.deps import Deps
from instastream.errors import InstastreamError
from instastream.findings import Finding
from instastream.limits import UPLOAD_GRACE_S, UPLOAD_TTL_S
from instastream.sweep_cli import SHOWN, receipt_of, receipt_tables
from instastream.terminal import Steps, show
from tests.conftest import IN_MEMORY
from tests.flow.conftest import join, upload

LATER_MS = 2 * (UPLOAD_TTL_S + UPLOAD_GRACE_S) * 1000


def finding(**other: object) -> Finding:
    given = {"kind": "never-finalized", "of": "uploads/1/x", "why": "because", "objects": 1}
    return Finding(**given | {"size_bytes": 1_500} | other)  # type: ignore[arg-type]


@pytest.fixture
def later(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> Deps:
    """The command finds these stores, some hours later."""
    later = replace(deps, now_ms=lambda: deps.now_ms() + LATER_MS)

    @asynccontextmanager
    async def opened(*_: object) -> AsyncIterator[Deps]:
        yield later

    monkeypatch.setattr(sweep_cli, "open_deps", opened)
    return later


async def test_what_would_go_goes_and_then_there_is_nothing_to_do(
    later: Deps, deps: Deps, capsys: pytest.CaptureFixture[str]
) -> None:
    [ada] = await join(deps, "ada")
    await upload(deps, ada)
    [there] = await deps.blobs.list("uploads/")
    foreseen = await sweep_cli._sweep(IN_MEMORY, Steps(), dry_run=True)
    assert [there] == list(await deps.blobs.list("uploads/"))
    done = await sweep_cli._sweep(IN_MEMORY, Steps(), dry_run=False)
    again = await sweep_cli._sweep(IN_MEMORY, Steps(), dry_run=False)
    assert [one.of for one in foreseen.findings] == [there.key]
    assert foreseen.findings == done.findings
    assert foreseen.size_bytes == done.size_bytes == there.size_bytes
    assert (again.findings, again.size_bytes) == ([], 0)
    assert "looking through uploads: done" in capsys.readouterr().err


def test_a_receipt_is_the_same_for_people_and_for_machines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = [
        finding(kind="dangling", of="1998765432101234567", why="media/x", size_bytes=0),
        finding(),
        finding(of="uploads/1/\x1b[31m", size_bytes=500_000),
        finding(kind="unknown", of="media/y", size_bytes=9),
    ]
    receipt = receipt_of(found, dry_run=True)
    show(receipt, *receipt_tables(receipt), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["size_bytes"] == 501_500, "what is only told of stays"
    assert told["totals"]["never-finalized"] == {"found": 2, "objects": 2, "size_bytes": 501_500}
    assert [one["kind"] for one in told["findings"]] == [
        *("never-finalized", "never-finalized"),
        *("dangling", "unknown"),
    ]
    show(receipt, *receipt_tables(receipt), as_json=False)
    shown = capsys.readouterr().out
    assert "0.5 MB would go" in shown
    assert "Posts that lack objects" in shown
    assert "\\x1b[31m" in shown
    assert "\x1b" not in shown


def test_of_very_many_some_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    receipt = receipt_of([finding(of=f"uploads/1/{n}x") for n in range(SHOWN + 1)], dry_run=False)
    show(receipt, *receipt_tables(receipt), as_json=False)
    shown = capsys.readouterr().out
    assert f"{SHOWN - 1}x" in shown
    assert f"{SHOWN}x" not in shown
    assert f"{SHOWN + 1} in all: --json has them" in shown
    assert "are gone" in shown


def test_the_command_fails_where_posts_lack_objects(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [finding(kind="dangling", of="1998765432101234567")]

    async def swept(*_: object, dry_run: bool) -> sweep_cli.Receipt:
        return receipt_of(found, dry_run=dry_run)

    monkeypatch.setattr(sweep_cli, "_sweep", swept)
    monkeypatch.setattr(shell, "settings", lambda: IN_MEMORY)
    with pytest.raises(InstastreamError, match="1 media lack objects"):
        sweep_cli.sweep(dry_run=True, as_json=True)
    assert json.loads(capsys.readouterr().out)["dry_run"]
