"""Internet addresses: where a call came from, and which addresses share a budget."""

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: The address of all peers that have none, as on a Unix socket.
UNKNOWN = IPv6Address("::")
#: Providers give each customer at least a network of this size, with as many addresses as wanted.
_V6_PREFIX = 64

#: Proxies may write the port as well: ``192.0.2.1:4711``, ``[2001:db8::1]:4711``.
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}")
_LONGEST = 60


@lru_cache(maxsize=10_000)
def parsed(text: str) -> Address | None:
    """The address in a text; None for any other text.

    An IPv4 address that is written as IPv6 (``::ffff:192.0.2.1``) is the IPv4 address.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    if port := _WITH_PORT.fullmatch(text):
        text = port[1] or port[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def within(address: Address, networks: Sequence[Network]) -> bool:
    """Is it in one of the networks?"""
    return any(address in network for network in networks)


def client(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> Address:
    """The address of the client: the peer's, or the one that our own proxies forward.

    ``forwarded`` has the X-Forwarded-For headers. Each proxy appends the address that called it,
    so the entries are read from the right while a trusted proxy wrote them. Anybody may have
    written the entries before those. An entry that is no address ends the reading.
    """
    address = (parsed(peer) if peer else None) or UNKNOWN
    if not trusted or not forwarded:
        return address
    for entry in reversed(",".join(forwarded).split(",")):
        if not within(address, trusted):
            break
        before = parsed(entry)
        if before is None:
            break
        address = before
    return address


@lru_cache(maxsize=10_000)
def household(address: Address) -> str:
    """The part of an address that shares one budget: IPv4 whole, of IPv6 the network of 64 bits."""
    if address.version == 4:
        return str(address)
    return str(ip_network((address, _V6_PREFIX), strict=False))


@lru_cache(maxsize=10_000)
def hidden(address: Address, key: bytes) -> str:
    """A keyed hash of an address's household, which is stored in place of the address.

    Without the key, anybody who reads it could try all addresses.
    """
    return blake2b(household(address).encode(), digest_size=16, key=key).hexdigest()
