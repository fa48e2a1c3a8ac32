"""All of `instastream load`: importing it brings every command."""

from instastream.load_cli import results, run, scenarios, topics
from instastream.load_cli.app import load

__all__ = ["load", "results", "run", "scenarios", "topics"]
