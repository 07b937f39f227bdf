"""Callers' internet addresses: which one called, and which ones count as one caller."""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: A peer without an address, as behind a unix socket: all of them count as one caller.
UNKNOWN = IPv6Address("::")
#: Providers hand out IPv6 by networks of this size at the least: within one, an address is free.
_V6_PREFIX = 64

#: Proxies may write the port as well: ``192.0.2.1:4711``, ``[2001:db8::1]:4711``.
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|([0-9.]+):\d{1,5}")
_LONGEST = 60


@lru_cache(maxsize=10_000)
def parsed(text: str) -> Address | None:
    """The address that a text names; None for anything else. An IPv4 address written as IPv6
    (``::ffff:192.0.2.1``) is the IPv4 address."""
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
    """Who called: the peer, or whom our own proxies say they speak for.

    ``forwarded`` has the X-Forwarded-For headers. Each proxy appends whom it was called by, so
    they are read from the right, for as long as a trusted proxy wrote them; what stands left of
    that anybody may have written, and what is no address ends the walk.
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
    """What is limited as one: an IPv4 address, or an IPv6 network of 64 bits."""
    if address.version == 4:
        return str(address)
    return str(ip_network((address, _V6_PREFIX), strict=False))
