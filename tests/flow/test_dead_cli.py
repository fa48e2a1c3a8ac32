"""What the commands for dead letters ask for, show and refuse."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from instastream import dead_cli, redriving
from instastream.dead_tables import SHOWN, harmless, letter_table, letters_table
from instastream.deps import Deps
from instastream.errors import InstastreamError, Unready
from instastream.letters import Origin, death_of, tell
from instastream.redriving import Dealt, Summary, Wanted, waiting
from instastream.terminal import Steps, show
from tests.conftest import IN_MEMORY


@pytest.fixture(autouse=True)
def connected(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands find these stores."""

    @asynccontextmanager
    async def opened(*_: object, **__: object) -> AsyncIterator[object]:
        yield deps

    @asynccontextmanager
    async def log(*_: object, **__: object) -> AsyncIterator[object]:
        yield deps.log

    monkeypatch.setattr(dead_cli, "open_deps", opened)
    monkeypatch.setattr(dead_cli, "KafkaLog", log)


async def bury(deps: Deps, *apps: str, topic: str = "media") -> None:
    for offset, app in enumerate(apps):
        origin = Origin(app=app, topic=topic, partition=0, offset=offset, timestamp_ms=0)
        story = tell(death_of(origin, KeyError("a bug"), attempts=4))
        await deps.log.append_raw("dead", key=b"k", value=b"v", headers=story)


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(deps: Deps) -> None:
    await bury(deps, "feeds", "posts")
    wanted = Wanted(app="feeds")
    for command in (dead_cli._redrive, dead_cli._drop):
        outcome = await command(IN_MEMORY, Steps(), wanted, dry_run=True)
        assert ([one.id for one in outcome.letters], outcome.dealt) == ([0], None)
    assert len(await waiting(deps.log, Wanted())) == 2


async def test_what_was_chosen_is_dealt_with_and_again_there_is_nothing_to_do(
    deps: Deps, capsys: pytest.CaptureFixture[str]
) -> None:
    await bury(deps, "feeds", "posts", "posts")
    dropped = await dead_cli._drop(IN_MEMORY, Steps(), Wanted(app="feeds"), dry_run=False)
    redriven = await dead_cli._redrive(IN_MEMORY, Steps(), Wanted(ids=[1]), dry_run=False)
    assert (dropped.dealt, redriven.dealt) == (Dealt(done=[0]), Dealt(done=[1]))
    assert [one.id for one in await dead_cli._list(IN_MEMORY, Steps(), Wanted())] == [2]
    again = await dead_cli._redrive(IN_MEMORY, Steps(), Wanted(ids=[1]), dry_run=False)
    assert again.dealt == Dealt()
    assert "Not among those that wait: 1" in capsys.readouterr().err
    assert (await dead_cli._show(IN_MEMORY, Steps(), 0)).summary.app == "feeds"


def test_nobody_redrives_all_by_mistake() -> None:
    for letters, filters, everything in [
        ([], dead_cli.EVERYTHING, False),
        ([1], dead_cli.EVERYTHING, True),
        ([], dead_cli.Filters(app="feeds"), True),
    ]:
        with pytest.raises(Unready, match="say which letters"):
            dead_cli._chosen(letters, filters, everything=everything)
    assert dead_cli._chosen([], dead_cli.EVERYTHING, everything=True) == Wanted(ids=[])


async def test_what_is_left_is_told_and_fails(
    deps: Deps, capsys: pytest.CaptureFixture[str]
) -> None:
    await bury(deps, "")
    outcome = await dead_cli._redrive(IN_MEMORY, Steps(), Wanted(), dry_run=False)
    with pytest.raises(InstastreamError, match="1 letters are left as they were"):
        dead_cli._tell(outcome, "redriven", as_json=False)
    assert "it does not say which app failed at it" in capsys.readouterr().out


async def test_what_would_be_left_is_told_before(
    deps: Deps, capsys: pytest.CaptureFixture[str]
) -> None:
    await bury(deps, "graph", topic="graph")
    await bury(deps, "feeds")
    outcome = await dead_cli._redrive(IN_MEMORY, Steps(), Wanted(), dry_run=True)
    dead_cli._tell(outcome, "redriven", as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["dealt"], [*document["would_leave"]]) == (None, ["0"])
    dead_cli._tell(outcome, "redriven", as_json=False)
    goes, stays = capsys.readouterr().out.split("Would be left as they are")
    assert "media 0: 0" in goes
    assert "graph 0: 0" not in goes
    assert "could stand again after its end" in stays
    dropped = await dead_cli._drop(IN_MEMORY, Steps(), Wanted(), dry_run=True)
    assert dropped.would_leave == {}, "anything can be dropped"


async def test_nothing_is_counted_while_another_command_makes_counters_again(
    deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def held(_: object) -> AsyncIterator[None]:
        raise Unready("someone rebuilds counters")
        yield

    async def redrive(letters: list[Summary], *_: object, **__: object) -> Dealt:
        return Dealt(done=[one.id for one in letters])

    monkeypatch.setattr(dead_cli, "alone", held)
    monkeypatch.setattr(redriving, "redrive", redrive)
    await bury(deps, "feeds", "engagement")
    with pytest.raises(Unready, match="someone rebuilds counters"):
        await dead_cli._redrive(IN_MEMORY, Steps(), Wanted(), dry_run=False)
    others = await dead_cli._redrive(IN_MEMORY, Steps(), Wanted(app="feeds"), dry_run=False)
    assert others.dealt == Dealt(done=[0])


async def test_whoever_stops_it_is_told_that_it_goes_on(
    deps: Deps, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def stopped(*_: object, **__: object) -> Dealt:
        raise asyncio.CancelledError

    monkeypatch.setattr(redriving, "drop", stopped)
    with pytest.raises(asyncio.CancelledError):
        await dead_cli._drop(IN_MEMORY, Steps(), Wanted(), dry_run=False)
    assert "the same command goes on" in capsys.readouterr().err


async def test_of_many_letters_the_latest_are_shown(deps: Deps) -> None:
    await bury(deps, *["feeds"] * (SHOWN + 1))
    letters = await waiting(deps.log, Wanted())
    assert letters_table(letters[1:], "").row_count == SHOWN
    table = letters_table(letters, "")
    assert table.row_count == SHOWN
    assert table.caption == f"{SHOWN + 1} in all, of which the latest {SHOWN}: --json has all"
    assert [*table.columns[0].cells][-1] == str(SHOWN)


async def test_what_others_wrote_is_shown_as_it_is_and_commands_no_terminal(
    deps: Deps, capsys: pytest.CaptureFixture[str]
) -> None:
    origin = Origin(app="feeds", topic="media", partition=0, offset=0, timestamp_ms=0)
    story = tell(death_of(origin, KeyError("[/x] \x1b[31m"), attempts=4))
    hostile = b"[red]\x1b]0;x\x07"
    await deps.log.append_raw("dead", key=hostile, value=hostile, headers=[("a", hostile), *story])
    letter = await dead_cli._show(IN_MEMORY, Steps(), 0)
    show(letter, letters_table([letter.summary], ""), letter_table(letter), as_json=False)
    shown = capsys.readouterr().out
    assert "[/x]" in shown
    assert "[red]\\x1b]0;x\\x07" in shown
    assert "\x1b" not in shown
    assert harmless("a\x1bb\nc") == "a\\x1bb\nc"
