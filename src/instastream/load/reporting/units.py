"""How numbers are written for people, in the page and on the terminal; and what others wrote."""

from rich.text import Text

NINES_EXACT = 1e-9
NOTHING = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


def ms(value: float) -> str:
    """`0.42 ms`, `3.1 ms`, `310 ms`, `1.24 s`."""
    if value >= 1_000:
        return f"{value / 1_000:,.3g} s" if value < 1_000_000 else f"{value / 1_000:,.0f} s"
    return f"{_three(value)} ms"


def count(value: float) -> str:
    """`7`, `0.4`, `950`, `12,300`."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else _three(value)


def per_s(value: float) -> str:
    """`950/s`."""
    return f"{count(value)}/s"


def cores(value: float) -> str:
    """`0.35`."""
    return f"{value:.2f}"


def size(value: float) -> str:
    """`750 kB`, `12.5 MB`, `1.5 GB`."""
    for step, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= step:
            return f"{_three(value / step)} {name}"
    return f"{value:.0f} B"


def percent(share: float) -> str:
    """Of a share: `0%`, `0.12%`, `37.5%`."""
    return f"{_three(100 * share)}%"


def ratio(value: float | None) -> str:
    """How many times the other: two digits after the point, and a dash where there is none."""
    if value is None:
        return NOTHING
    return f"{value:.2f}{TIMES}" if value < 100 else f"{value:,.0f}{TIMES}"


def clock(at_s: float) -> str:
    """Since the run began: `0:07`, `12:30`, `3:00:00`."""
    minutes, seconds = divmod(int(at_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def nines(value: float) -> str:
    """A percentile by how many nines it has: 0 is `0%`, 1 is `90%`, 3 is `99.9%`."""
    digits = max(int(value + 1 - NINES_EXACT) - 2, 0)
    share = 100 * (1 - 10.0**-value)
    exact = abs(value - round(value)) < NINES_EXACT
    return f"{share:.{digits}f}%" if exact else f"{share:.{digits + 1}f}%"


def _three(value: float) -> str:
    """At most three digits that matter, written out."""
    if value >= 99.95:
        return f"{value:.0f}"
    if value >= 9.995:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.{2 if value >= 1 else 3}f}".rstrip("0").rstrip(".")


def printable(text: str) -> str:
    """For a terminal: nothing in it moves the cursor or changes colours."""
    return "".join(letter if letter.isprintable() else UNPRINTABLE for letter in text)


def plain(text: str) -> Text:
    """For a table: nor is anything in it markup."""
    return Text(printable(text))
