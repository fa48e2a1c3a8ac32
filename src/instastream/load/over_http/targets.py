"""Which systems may be loaded: this machine's, and others only by those who own them."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from instastream.errors import Unready


def check_target(url: str, *, is_owned: bool) -> str:
    """The address, as it may be loaded; raises Unready where it may not, or is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unready(f"{url!r} is no address of an API: http://HOST:PORT")
    if not is_owned and not is_loopback(parts.hostname):
        raise Unready(
            f"{parts.hostname} is not this machine: load can take a system down. Say "
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
