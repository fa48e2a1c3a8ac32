"""What is loaded and checked: an API, and the servers behind it, where they are known."""

import os
from contextlib import suppress

from msgspec import Struct

from infra import local
from instastream import shell
from instastream.errors import Unready
from instastream.load.checks.violations import OF_SERVERS
from instastream.load.over_http.targets import check_target
from instastream.settings import Settings


class Target(Struct, frozen=True):
    """An API; `settings` are of its servers, or `why` says what is missing to know them."""

    api: str
    settings: Settings | None = None
    why: str = ""
    is_here: bool = False  # run by this folder: its processes are on this machine

    @property
    def unchecked(self) -> dict[str, str]:
        """The rules that nobody can look into, and why."""
        return {} if self.settings else dict.fromkeys(sorted(OF_SERVERS), self.why)

    @property
    def caveat(self) -> str:
        """What a check does not find out, "" where it asks everyone."""
        if self.settings:
            return ""
        return (
            f"not checked: {', '.join(self.unchecked)}, as {self.why}; nor is waited for workers: "
            "what they do late may be told as wrong"
        )


def target_of(api: str, *, is_owned: bool) -> Target:
    """An API that may be loaded; raises Unready where it may not.

    Its servers are those of this folder where that runs it, else those that the environment names.
    """
    address, here = check_target(api, is_owned=is_owned), {}
    with suppress(Unready):  # nothing runs in this folder
        here = dict(shell.environ())
    if address == here.get(local.API):
        return Target(address, Settings.from_env(here), is_here=True)
    given = local.chosen(os.environ)
    if missing := [name for name in local.SERVERS if not given.get(name)]:
        are = "is" if len(missing) == 1 else "are"
        return Target(address, why=f"{', '.join(missing)} {are} not set")
    return Target(address, Settings.from_env(given))


def own_target(*, is_owned: bool) -> Target:
    """What runs in this folder; raises Unready where nothing does."""
    environ = shell.environ()
    if local.API not in environ:
        raise Unready("no API runs here: `instastream up` starts one, and --api names another")
    address = check_target(environ[local.API], is_owned=is_owned)
    return Target(address, Settings.from_env(environ), is_here=True)
