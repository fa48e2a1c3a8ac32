"""The command line: `instastream --help`."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from infra import local
from infra.provision import provision
from instastream import checkout, logs, shell, telemetry
from instastream import schemas as contracts
from instastream.api.app import create_app
from instastream.api.server import serve
from instastream.counts_cli import counts
from instastream.dead_cli import dead
from instastream.demo_system import demonstrate, of_demo, stop
from instastream.errors import InstastreamError, Unready
from instastream.feeds_cli import feeds
from instastream.lag_cli import lag
from instastream.load_cli.app import load
from instastream.process import complete, run, say
from instastream.rebuild_cli import digest, rebuild
from instastream.reclaim import reclaim_once
from instastream.steps import ignore
from instastream.sweep_cli import sweep
from instastream.terminal import (
    Steps,
    demo_tables,
    print_line,
    show,
    status_table,
    urls_table,
    verdicts_table,
)

app = App(
    name="instastream",
    help="A photo and video sharing backend: the servers, the API, the workers, and tools.",
    help_format="markdown",
    help_flags=["--help", "-h", "help"],
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
)

Port = Annotated[int, Parameter(validator=Number(gte=1, lte=65_535))]
Bench = Annotated[str, Parameter(show_default=False)]

for command in (counts, dead, digest, feeds, lag, rebuild, sweep):
    app.command(command)
# Its commands are loaded when they are asked for: what they need is an extra.
app.command("instastream.load_cli.commands:load", name="load", help=load.help)


@app.command
def demo(*, as_json: shell.AsJson = False) -> None:
    """Show the main job: photographs and a video from upload to followers' feeds, on real servers.

    Runs a system of its own, in a folder of its own. Stops it at the end, and removes it, unless
    something failed: then its logs stay.

    **Examples**

        instastream demo
        instastream demo --json | jq .posts
    """
    from instastream.load_cli.demo import load_a_little  # it needs the extra `load`

    given, folder = of_demo(os.environ), local.home_of(os.environ) / "demo-load"
    with local.alone(os.environ, "demo"), Steps() as steps:
        try:
            then = partial(load_a_little, steps=steps, folder=folder)
            summary = complete(demonstrate(given, steps, then=then))
        except KeyboardInterrupt:
            local.forget(given)
            raise
        if not summary.failure:
            local.forget(given)
    show(summary, *demo_tables(summary), as_json=as_json)
    if summary.failure:
        raise InstastreamError(f"{summary.failure}; look into {local.home_of(given)}/logs")
    say(f"the report of the load is {summary.report}")
    say("`make up` starts one that stays")


@app.command
def up(*, as_json: shell.AsJson = False) -> None:
    """Start everything on this machine and print the addresses. What runs already stays.

    **Examples**

        instastream up
        instastream up --json | jq -r .INSTASTREAM_API
        # with a Redis of your own
        INSTASTREAM_REDIS=redis://cache:6379 instastream up
    """
    with local.alone(os.environ, "up"), Steps() as steps:
        stack = local.stack_of(os.environ, steps.report)
        try:
            environ = complete(local.up(os.environ, stack, steps.report))
        except BaseException:
            if local.is_up(os.environ):
                steps.say("What was started runs on: `make up` goes on, `make down` stops it")
            raise
    show(environ, urls_table(environ), as_json=as_json)
    if not as_json:
        print_line('to connect a shell:  eval "$(.venv/bin/instastream env)"')


@app.command
def down() -> None:
    """Stop everything that `instastream up` started; what it keeps stays in its folder.

    And what a killed demo left. A demo that is at work is left alone: then the exit code is 1.

    **Example**

        instastream down
    """
    with Steps() as steps:
        complete(stop(os.environ, steps.report))


@app.command
def status(*, as_json: shell.AsJson = False) -> None:
    """Say what runs on this machine, where, and how much memory it takes.

    **Example**

        instastream status --json
    """
    with Steps() as steps:
        rows = local.status(local.stack_of(os.environ, steps.report))
    show(rows, status_table(rows), as_json=as_json)


@app.command
def env() -> None:
    """Print what connects a shell to what `instastream up` started, these commands included.

    **Example**

        eval "$(.venv/bin/instastream env)"
        faust -A streams.media worker -l info
    """
    connected = {
        **shell.environ(),
        local.CONNECTED: str(local.home_of(os.environ)),
        "PATH": local.path_of(os.environ),
    }
    for name, value in sorted(connected.items()):
        print_line(f"export {name}={shlex.quote(value)}")
    _warn_if_stopped(connected)


def _warn_if_stopped(connected: Mapping[str, str]) -> None:
    rows = local.status(local.stack_of(os.environ, report=ignore))
    if local.API in connected and not any(row.pid for row in rows if row.name == "api"):
        say(f"nothing serves {local.API} now: run `make up`")


@app.command(name="provision")
def provision_() -> None:
    """Create topics, tables and the bucket on the servers that the environment names.

    Safe to repeat. Tables get the columns that they lack. Refuses a topic whose number of
    partitions is not what `topics.toml` says, and a table whose key or types are not the file's.

    **Example**

        INSTASTREAM_KAFKA=broker:9092 ... instastream provision
    """
    complete(provision(shell.settings()))


@app.command
def api(*, host: str = "127.0.0.1", port: Port = 8000) -> None:
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
    logs.configure(shell.environ(), "api")
    telemetry.start(shell.environ(), "api")
    settings = shell.settings()
    serve(create_app(settings), host=host, port=port, fronts=settings.fronts)


@app.command
def worker(name: str, /) -> None:
    """Run a stream app: media, video, posts, feeds, graph, ledger or engagement.

    Any number of each may run.

    **Examples**

        instastream worker media
        # the same, with Faust's own command
        faust -A streams.media worker -l info

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
def reclaim(*, dry_run: shell.Flag = False, as_json: shell.AsJson = False) -> None:
    """Delete the media that no post has needed for the grace, as the `ledger` worker does.

    One pass over what is due, 1,000 originals at most: repeat it to go on.

    **Examples**

        # what would go, with bytes, and what is needed
        instastream reclaim --dry-run
        instastream reclaim --json | jq 'map(.size_bytes) | add // 0'

    Parameters
    ----------
    dry_run
        Delete nothing.
    """
    verdicts = complete(reclaim_once(shell.settings(), dry_run=dry_run))
    show(verdicts, verdicts_table(verdicts, dry_run=dry_run), as_json=as_json)


@app.command
def schemas(folder: Path = Path("schemas"), *, check: shell.Flag = False) -> None:
    """Write the published contracts: JSON Schema of every event, AsyncAPI and OpenAPI.

    Refuses a change that would break old readers or old records.

    **Examples**

        instastream schemas
        # exit 1 when a file is not what the code says
        instastream schemas --check

    Parameters
    ----------
    folder
        Where they are.
    check
        Write nothing.
    """
    checkout.folder(folder)
    changed = contracts.outdated(folder) if check else contracts.write(folder)
    if check and changed:
        raise Unready(f"out of date: {', '.join(changed)}; run `make schemas` and review them")
    for name in changed:
        print_line(f"wrote {folder / name}")


@app.command
def bench(name: Bench = "", /) -> None:
    """Run all benches, or one; results go to `bench/out/NAME.json`.

    **Example**

        instastream bench variants

    Parameters
    ----------
    name
        comments, demo, edge, engagement, fanout, feed, graphs, lists, load, recovery, replay,
        variants, video, visible or worker; all when it is left out.
    """
    found = checkout.benches()
    if name and name not in found:
        raise Unready(f"there is no bench {name!r}: choose one of {', '.join(found)}")
    for one in [name] if name else found:
        if subprocess.run([sys.executable, "-m", f"bench.{one}"], check=False).returncode:
            raise InstastreamError(f"bench {one} failed")


def main() -> None:
    """The program `instastream`."""
    run(app)
