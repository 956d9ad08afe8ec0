"""Where requests may go whose address an operator configured: public hosts, nothing inside.

A tenants file names only public host names, but what a name resolves to is its owner's to say, and may change
between a check and the request. So the check is made where a socket is about to be connected, of the very
address that it is connected to.
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver

from common.settings import SettingsReader

# Family, type, protocol, canonical name, socket address: as `getaddrinfo` returns them.
AddressInfo: TypeAlias = tuple[Any, Any, int, str, tuple[Any, ...]]

# What `is_global` of one Python or the other takes for public and what is not: networks of IANA's
# special-purpose registries, and Azure's platform address.
_INSIDE_ALL_THE_SAME: tuple[IPv4Network | IPv6Network, ...] = (
    *(IPv4Network(network) for network in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")),
    *(IPv6Network(network) for network in ("2001::/23", "3fff::/20", "5f00::/16", "64:ff9b:1::/48")),
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


class RefusedAddressError(OSError):
    """A configured host leads to an address that is not public."""


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """The rule for outgoing connections; `any_address` is for a stack on one machine."""

    any_address: bool = False

    def connector(
        self, *, limit: int = 100, keep_alive: float | None = None, resolver: AbstractResolver | None = None
    ) -> aiohttp.TCPConnector:
        """A connector that makes allowed connections only; without `keep_alive` each serves one request."""
        return aiohttp.TCPConnector(
            limit=limit,
            keepalive_timeout=keep_alive,
            force_close=keep_alive is None,
            resolver=resolver,
            socket_factory=self._socket,
        )

    def _socket(self, info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not (self.any_address or is_public(str(address[0]))):
            raise RefusedAddressError("not a public address")
        return socket.socket(family=family, type=kind, proto=protocol)


def read_outgoing(reader: SettingsReader, *, production: bool) -> Outgoing:
    """`OUTGOING_ADDRESSES`: `public` or, outside production, `any`."""
    chosen = reader.choice("OUTGOING_ADDRESSES", among=("public", "any"), default="public")
    if production and chosen == "any":
        reader.mistake("OUTGOING_ADDRESSES", "must be public in production")
    return Outgoing(any_address=chosen == "any")


def is_public(text: str) -> bool:
    """Whether that is an address of the internet; one that carries another inside is judged by that one."""
    try:
        address = _innermost(ip_address(text))
    except ValueError:
        return False
    if (
        address.is_multicast
        or address.is_reserved
        or any(address in network for network in _INSIDE_ALL_THE_SAME)
    ):
        return False
    return address.is_global


def _innermost(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
