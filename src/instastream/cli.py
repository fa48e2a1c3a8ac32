"""The command line: `instastream --help`."""
