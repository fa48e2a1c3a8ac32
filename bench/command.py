"""What a bench takes on its command line: `--help`, and no argument that it does not know."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter


def command(about: str | None) -> ArgumentParser:
    """A parser whose help is the bench's docstring; it ends the program when it is misused."""
    return ArgumentParser(description=about, formatter_class=RawDescriptionHelpFormatter)
