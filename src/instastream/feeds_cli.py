"""`instastream feeds`: makes lists anew, and says why a post is in a feed or is not."""

import asyncio
from typing import Annotated

from cyclopts import App, Parameter

from instastream import shell
from instastream.accounts import find
from instastream.deps import open_deps
from instastream.errors import Unready
from instastream.ids import UserId, parse_post_id, parse_user_id
from instastream.process import complete
from instastream.reading.evidence import gather
from instastream.reading.explaining import Verdict, decide
from instastream.reading.rebuilding import Renewal, renew, renew_all
from instastream.settings import Settings
from instastream.terminal import Steps, renewal_table, show, why_table

feeds = App(
    name="feeds",
    help="""Make feeds' lists anew, and say why a post is in a feed or is not.

    **Examples**

        instastream feeds rebuild --all --dry-run
        instastream feeds explain --user ada --post 1998765432101234567
    """,
    help_format="markdown",
)

User = Annotated[str, Parameter(help="A username, or a user's id.", show_default=False)]


@feeds.command
def rebuild(
    *,
    user: User = "",
    everyone: Annotated[bool, Parameter(name="--all", negative="")] = False,
    after: Annotated[str, Parameter(show_default=False)] = "",
    dry_run: shell.Flag = False,
    as_json: shell.AsJson = False,
) -> None:
    """Make the list of one reader anew, or every list that there is, and say what that changed.

    Nobody notices but by a slower read. Safe to repeat and to stop anywhere: a list that was being
    made then is made by the next read.

    **Examples**

        # what is missing, and what too many
        instastream feeds rebuild --user ada --dry-run
        instastream feeds rebuild --all --json | jq .changed

    Parameters
    ----------
    everyone
        Every list that there is. Who has none gets one by reading.
    after
        With `--all`: go on after this user's id, where an earlier run stopped.
    dry_run
        Change nothing.
    """
    if bool(user) == everyone:
        raise Unready("say whose list: either --user NAME or --all")
    if after and not everyone:
        raise Unready("--after goes on with --all: leave it out, or --user")
    if after:
        parse_user_id(after)
    settings = shell.settings()
    with Steps() as steps:
        renewal = complete(
            _rebuild_all(settings, steps, after=after, dry_run=dry_run)
            if everyone
            else _rebuild_one(settings, user, dry_run=dry_run)
        )
    show(renewal, renewal_table(renewal, dry_run=dry_run), as_json=as_json)


async def _rebuild_one(settings: Settings, user: str, *, dry_run: bool) -> Renewal:
    async with open_deps(settings) as deps:
        return Renewal().having([await renew(await find(user, deps), deps, dry_run=dry_run)])


async def _rebuild_all(settings: Settings, steps: Steps, *, after: str, dry_run: bool) -> Renewal:
    renewal = Renewal()
    async with open_deps(settings) as deps:
        try:
            async for renewal in renew_all(
                deps, after=UserId(after), dry_run=dry_run, report=steps.report
            ):
                after = renewal.last or after
        except asyncio.CancelledError:
            if after:
                steps.say(f"{renewal.lists} lists are done: --after {after} goes on")
            raise
    return renewal


@feeds.command
def explain(*, user: User, post: str, as_json: shell.AsJson = False) -> None:
    """Say why a post is in a reader's feed or is not, and which event in the log decided it.

    For operators: it tells what the reader may not know, such as who blocks them.

    **Example**

        instastream feeds explain --user ada --post 1998765432101234567

    Parameters
    ----------
    post
        A post's id.
    """
    settings = shell.settings()
    with Steps() as steps:
        verdict = complete(_explain(settings, steps, user, post))
    show(verdict, why_table(verdict), as_json=as_json)


async def _explain(settings: Settings, steps: Steps, user: str, post: str) -> Verdict:
    post_id = parse_post_id(post)
    async with open_deps(settings) as deps:
        return decide(await gather(await find(user, deps), post_id, deps, report=steps.report))
