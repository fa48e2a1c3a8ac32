"""Whom rates are counted for where nobody is signed in: addresses."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from instastream.api.operations import Asked
from instastream.pacing import pace
from instastream.settings import Network

SITE_BITS = 64  # of an IPv6 address: whoever has one has all that begin so
NOWHERE = "nowhere"  # all whose address is none share what one has


async def pace_address(what: str, asked: Asked[Any, Any]) -> None:
    """Raise as `pace` does where something is done too fast from an address."""
    address = address_of(asked)
    if address:
        await pace(what, address, asked.deps)


def address_of(asked: Asked[Any, Any]) -> str | None:
    """What whoever asks is counted as, None where they are not."""
    return counted_as(asked.host, asked.deps.settings.unpaced)


def counted_as(host: str, unpaced: tuple[Network, ...]) -> str | None:
    """What requests from a host are counted together with, None where they are not counted."""
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return NOWHERE
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if any(address in network for network in unpaced):
        return None
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address, SITE_BITS), strict=False))
