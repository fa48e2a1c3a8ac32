"""The command line: `instastream --help`."""

import asyncio
import os
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from cyclopts import App

from infra import local
from infra.provision import provision
from instastream import schemas as contracts
from instastream import shell
from instastream.api.app import create_app
from instastream.api.server import serve
from instastream.demo import Summary, run_demo
from instastream.errors import InstastreamError, Unready
from instastream.feeds_cli import feeds
from instastream.log import KafkaLog
from instastream.process import deaf, run
from instastream.reclaim import reclaim_once
from instastream.settings import Settings
from instastream.terminal import Steps, demo_tables, status_table, urls_table, verdicts_table

app = App(
    name="instastream",
    help="A photo and video sharing backend: the servers, the API, the workers, and tools.",
    help_format="markdown",
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
)
app.command(feeds)


@app.command
def demo(*, as_json: shell.AsJson = False) -> None:
    """Show the main job: photographs and a video from upload to followers' feeds, on real servers.

    Runs a system of its own, in a folder of its own, and stops and removes it at the end.

    **Examples**

        instastream demo
        instastream demo --json | jq .posts
    """
    given = _of_demo()
    with local.alone(os.environ, "demo"), Steps() as steps:
        summary = asyncio.run(_demo(given, steps))
        local.forget(given)
    shell.show(summary, *demo_tables(summary), as_json=as_json)


async def _demo(given: dict[str, str], steps: Steps) -> Summary:
    stack = local.stack_of(given, steps.report)
    await stack.down()  # what an interrupted demo left
    local.forget(given)
    try:
        environ = await local.up(given, stack, steps.report)
        settings = Settings.from_env(environ)
        async with KafkaLog(settings.kafka, prefix=settings.prefix) as log:
            return await run_demo(environ[local.API], log, steps.report)
    finally:
        with deaf():
            await stack.down()


def _of_demo() -> dict[str, str]:
    home = local.home_of(os.environ) / "demo"
    return {**os.environ, "INSTASTREAM_NAMESPACE": "demo", local.HOME: str(home)}


@app.command
def up(*, as_json: shell.AsJson = False) -> None:
    """Start everything on this machine and print the addresses. What runs already stays.

    **Examples**

        instastream up
        INSTASTREAM_REDIS=redis://cache:6379 instastream up   # with a Redis of your own
        instastream up --json | jq -r .INSTASTREAM_API
    """
    with local.alone(os.environ, "up"), Steps() as steps:
        stack = local.stack_of(os.environ, steps.report)
        try:
            environ = asyncio.run(local.up(os.environ, stack, steps.report))
        except BaseException:
            if local.is_up(os.environ):
                steps.say("What was started runs on: `make up` goes on, `make down` stops it")
            raise
    shell.show(environ, urls_table(environ), as_json=as_json)
    if not as_json:
        shell.put('to connect a shell:  eval "$(.venv/bin/instastream env)"')


@app.command
def down() -> None:
    """Stop everything that `instastream up` started; what it keeps stays in its folder.

    **Example**

        instastream down
    """
    with Steps() as steps:
        if local.is_up(_of_demo()):
            with suppress(Unready), local.alone(os.environ, "demo"):  # else it is still at work
                asyncio.run(local.stack_of(_of_demo(), steps.report).down())
        asyncio.run(local.stack_of(os.environ, steps.report).down())


@app.command
def status(*, as_json: shell.AsJson = False) -> None:
    """Say what runs on this machine, where, and how much memory it takes.

    **Example**

        instastream status --json
    """
    with Steps() as steps:
        rows = local.stack_of(os.environ, steps.report).status()
    shell.show(rows, status_table(rows), as_json=as_json)


@app.command
def env() -> None:
    """Print what connects a shell to what `instastream up` started.

    **Example**

        eval "$(instastream env)"
        faust -A streams.media worker -l info
    """
    connected = {**shell.environ(), local.CONNECTED: str(local.home_of(os.environ))}
    for name, value in sorted(connected.items()):
        shell.put(f"export {name}={shlex.quote(value)}")


@app.command(name="provision")
def provision_() -> None:
    """Create topics, tables and the bucket on the servers that the environment names.

    Safe to repeat. Tables get the columns that they lack. Refuses a topic whose number of
    partitions is not what `topics.toml` says, and a table whose key or types are not the file's.

    **Example**

        INSTASTREAM_KAFKA=broker:9092 ... instastream provision
    """
    asyncio.run(provision(shell.settings()))


@app.command
def api(*, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the HTTP API.

    **Example**

        instastream api --host 0.0.0.0 --port 8080

    Parameters
    ----------
    host
        The address to listen on.
    port
        The port to listen on.
    """
    serve(create_app(shell.settings()), host=host, port=port)


@app.command
def worker(name: str, /) -> None:
    """Run a stream app: media, video, posts, feeds, graph or ledger. Any number of each may run.

    **Examples**

        instastream worker media
        faust -A streams.media worker -l info     # the same, with Faust's own command

    Parameters
    ----------
    name
        Which app.
    """
    if name not in local.WORKERS:
        raise Unready(f"there is no worker {name!r}: choose one of {', '.join(local.WORKERS)}")
    command = local.faust(name)
    os.execve(command[0], command, {**os.environ, **shell.environ()})


@app.command
def reclaim(*, dry_run: bool = False, as_json: shell.AsJson = False) -> None:
    """Delete the media that no post has needed for the grace, as the `ledger` worker does.

    One pass over what is due, 1,000 originals at most: repeat it to go on.

    **Examples**

        instastream reclaim --dry-run           # what would go, with bytes, and what is needed
        instastream reclaim --json | jq 'map(.size_bytes) | add'

    Parameters
    ----------
    dry_run
        Delete nothing.
    """
    verdicts = asyncio.run(reclaim_once(shell.settings(), dry_run=dry_run))
    shell.show(verdicts, verdicts_table(verdicts, dry_run=dry_run), as_json=as_json)


@app.command
def schemas(folder: Path = Path("schemas"), *, check: bool = False) -> None:
    """Write the published contracts: JSON Schema of every event, AsyncAPI and OpenAPI.

    Refuses a change that would break old readers or old records.

    **Examples**

        instastream schemas
        instastream schemas --check     # exit 1 when a file is not what the code says

    Parameters
    ----------
    folder
        Where they are.
    check
        Write nothing.
    """
    _in_checkout(str(folder))
    changed = contracts.outdated(folder) if check else contracts.write(folder)
    if check and changed:
        raise Unready(f"out of date: {', '.join(changed)}; run `make schemas` and review them")
    for name in changed:
        shell.put(f"wrote {folder / name}")


@app.command
def bench(name: str = "", /) -> None:
    """Run all benches, or one; results go to `bench/out/NAME.json`.

    **Example**

        instastream bench variants
    """
    found = sorted(path.stem for path in _in_checkout("bench").glob("*.py") if _is_bench(path))
    if name and name not in found:
        raise Unready(f"there is no bench {name!r}: choose one of {', '.join(found)}")
    for one in [name] if name else found:
        if subprocess.run([sys.executable, "-m", f"bench.{one}"], check=False).returncode:
            raise InstastreamError(f"bench {one} failed")


def _in_checkout(name: str) -> Path:
    folder = Path(name)
    if not folder.is_dir():
        raise Unready(f"there is no {name}/ here: run this in the checkout")
    return folder


def _is_bench(path: Path) -> bool:
    """Unlike what benches share, it can be run."""
    return "\ndef main(" in path.read_text()


def main() -> None:
    """The program `instastream`."""
    run(app)
