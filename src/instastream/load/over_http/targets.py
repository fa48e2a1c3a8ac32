"""Which systems may be loaded: this machine's, and others only by those who own them."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from instastream.errors import Unready


def check_target(url: str, *, is_owned: bool) -> str:
    """The address, as it may be loaded; raises Unready where it may not, or is none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") and parts.port != 0 else None
    except ValueError:  # a port that is none, half a pair of brackets
        host = None
    if not host:
        raise Unready(f"{url!r} is no address of an API: http://HOST:PORT")
    if not is_owned and not is_loopback(host):
        raise Unready(
            f"{host} is not this machine: load can take a system down. Say "
            "--i-own-this-target if it is yours to take down"
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether it is this machine, and certainly so: what a name stands for can change."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
