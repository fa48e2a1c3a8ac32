"""What headers tell of a record that an app failed at: in retry topics, and in `dead`."""

from collections.abc import Sequence
from traceback import format_exception
from typing import Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from instastream.errors import Corrupt
from instastream.facts import Count
from instastream.limits import STORY_LENGTH_MAX

LINE_LENGTH_MAX = 500  # of a stack; messages may quote the record

Headers = Sequence[tuple[str, bytes]]
How = Literal["redriven", "dropped"]


class Origin(Struct, frozen=True, kw_only=True):
    """Where a record stood that an app failed at. The same record may have failed other apps."""

    kind: ClassVar[str]

    app: str = ""  # "" in letters of before it was told
    topic: str  # without the namespace
    partition: Count
    offset: Count
    timestamp_ms: int  # the record's
    epoch: Count | None = None  # of the topic, where offsets date what is kept

    def check_epoch(self, epoch: int | None) -> None:
        """Raise Corrupt where the topic is of another by now: the offset says nothing any more."""
        if epoch != self.epoch:
            raise Corrupt(
                "another-epoch",
                f"{self.topic} was made anew since: it is of epoch {epoch}, not {self.epoch}",
            )


class Retry(Origin, frozen=True, kw_only=True):
    """It is to be handled again, by that app alone, once it is due."""

    kind = "retry"

    attempts: Count  # so far
    due_ms: Count


class Death(Origin, frozen=True, kw_only=True):
    """It was given up, after so many attempts, the last of which ended so."""

    kind = "dead"

    attempts: Count
    error: str  # the name of the exception's class
    message: str
    stack: str


class Done(Origin, frozen=True, kw_only=True):
    """An operator has dealt with one of its letters: it died again where another follows."""

    kind = "done"

    letter: Count  # its offset in `dead`
    how: How


Told = TypeVar("Told", bound=Origin)


def origin_of(told: Origin) -> Origin:
    """Of all that is told, where it stood: what is told of the same record is equal."""
    return Origin(**{name: getattr(told, name) for name in Origin.__struct_fields__})


def death_of(origin: Origin, error: BaseException, *, attempts: int) -> Death:
    """Why it was given up, at a bounded length."""
    stack = "".join(part[:LINE_LENGTH_MAX] for part in format_exception(error))
    return Death(
        **asdict(origin),
        attempts=attempts,
        error=type(error).__name__,
        message=str(error)[:STORY_LENGTH_MAX],
        stack=stack[-STORY_LENGTH_MAX:],
    )


def tell(told: Origin) -> list[tuple[str, bytes]]:
    """It, as headers to stand behind the record's own."""
    return [
        (f"{told.kind}_{name}", str(value).encode(errors="replace"))
        for name, value in asdict(told).items()
        if value is not None
    ]


def read(kind: type[Told], headers: Headers) -> Told | None:
    """What headers tell of this kind; None where they tell nothing, or nonsense."""
    prefix = f"{kind.kind}_"
    fields: dict[str, Any] = {
        name.removeprefix(prefix): (value or b"").decode(errors="replace")
        for name, value in headers
        if name.startswith(prefix)
    }
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError:
        return None


def own(kind: type[Origin], headers: Headers) -> list[tuple[str, bytes]]:
    """The record's own headers: those before what is told of it."""
    first = f"{kind.kind}_{kind.__struct_fields__[0]}"
    told_at = [at for at, (name, _) in enumerate(headers) if name == first]
    return list(headers[: told_at[-1]] if told_at else headers)
