"""What commands share: the settings that they work with, and how they print."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from infra import local
from instastream.settings import Settings

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for machines.")]


def environ() -> Mapping[str, str]:
    """What is given, and for the rest what runs on this machine."""
    return local.connect(os.environ, local.stack_of(os.environ, report=_ignore))


def _ignore(step: str, done: int, total: int) -> None:
    """Nobody waits for this."""


def settings() -> Settings:
    """Those that the environment gives."""
    return Settings.from_env(environ())


def put(line: str) -> None:
    """A line on standard output."""
    sys.stdout.write(line + "\n")


def show(document: object, *tables: Table, as_json: bool) -> None:
    """The same for machines or for people."""
    if as_json:
        put(json.dumps(msgspec.to_builtins(document), indent=2))
    else:
        Console().print(*tables, sep="\n")
