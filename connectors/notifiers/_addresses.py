"""Where a configured address may lead: only to what its owner meant to reach."""

import asyncio
import ipaddress
import socket
from typing import Final, TypeAlias

from twin.domain.errors import ConnectorError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = ipaddress.IPv6Network("2002::/16")


async def resolve(host: str, port: int, allow_private: bool) -> list[str]:
    """The numeric addresses of `host`, after every one of them was found permitted.

    Whoever connects to these numbers, and not to the name again, can not be led elsewhere by a
    name server that changes its mind.

    Raises
    ------
    ConnectorError
        The name is not known (may be tried again), or leads to a forbidden address (not again).
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectorError(
            f"{host}: name not found ({error}). Check its spelling and the name server."
        ) from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for text in addresses:
        if not is_permitted(ipaddress.ip_address(text), allow_private):
            remedy = "use another address" if allow_private else "set allow_private: true if it is meant"
            raise ConnectorError(
                f"{host}: leads to {text}, which is not a public address; {remedy}.", retry=False
            )
    return list(dict.fromkeys(addresses))


def is_permitted(address: Address, allow_private: bool) -> bool:
    """True for public addresses; for private and loopback ones when allowed; never for the rest.

    The rest: link-local (cloud metadata services live there), multicast, unspecified, reserved.
    """
    inner = _inside(address)
    if inner.is_multicast or inner.is_unspecified or inner.is_link_local or _is_reserved(inner):
        return False
    return inner.is_global or allow_private


def _is_reserved(address: Address) -> bool:
    return address.is_reserved and not address.is_loopback


def _inside(address: Address) -> Address:
    """The IPv4 address an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return address
