"""What commands share: how they are asked for JSON, and the settings that they work with."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from infra import local
from instastream.settings import Settings
from instastream.steps import ignore

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for machines.")]
Flag = Annotated[bool, Parameter(negative="")]


def unix_ms(at: datetime | None) -> int | None:
    """A time that was asked for, in UTC where it has no zone; None where none was."""
    if at is None:
        return None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000)


def environ() -> Mapping[str, str]:
    """What is given, and for the rest what runs on this machine."""
    return local.connect(os.environ, local.stack_of(os.environ, report=ignore))


def settings() -> Settings:
    """Those that the environment gives."""
    return Settings.from_env(environ())
