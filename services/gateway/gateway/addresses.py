"""Whose request it is, as far as an address tells: proxies that we know say for whom they ask."""

from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

NOBODY = IPv6Address(0)
MOST_HOPS = 20
_HOUSEHOLD_BYTES = 8  # of an IPv6 address, a /64 of which is given to one connection; more than IPv4 has


def client_of(peer: str, forwarded: Sequence[str], *, proxies: Sequence[Network]) -> Address:
    """Who asks: the peer, or the rightmost hop before our proxies that is none of them.

    What stands left of that hop, anybody may have written. A hop that is no address ends the search, at the
    proxy that wrote it.

    Args:
        peer: the address at the other end of the connection.
        forwarded: every X-Forwarded-For of the request, in order.
        proxies: whose word is taken.
    """
    client = _address(peer) or NOBODY
    hops = ",".join(forwarded).split(",")[-MOST_HOPS:]
    while hops and is_in(client, proxies):
        before = _address(hops.pop())
        if before is None:
            break
        client = before
    return client


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def key_of(address: Address) -> bytes:
    """What is counted as one: an IPv4 address, or a whole /64."""
    return address.packed[:_HOUSEHOLD_BYTES]


def network_of(text: str) -> bytes | None:
    """`key_of` an address that the whole Internet knows; of any other nobody can tell where it is."""
    address = _address(text)
    return key_of(address) if address is not None and address.is_global else None


class Connections:
    """How many connections each address holds; those of our proxies are not counted."""

    def __init__(self, *, most: int, proxies: Sequence[Network]) -> None:
        self._most = most
        self._proxies = proxies
        self._open: Counter[bytes] = Counter()

    def enter(self, peer: str) -> bytes | None:
        """What to `leave` with, empty for who is not counted; None if that is one too many."""
        address = _address(peer) or NOBODY
        if is_in(address, self._proxies):
            return b""
        key = key_of(address)
        if self._open[key] >= self._most:
            return None
        self._open[key] += 1
        return key

    def leave(self, key: bytes) -> None:
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]

    def __len__(self) -> int:
        return len(self._open)


def _address(text: str) -> Address | None:
    """An address, perhaps with a port as some proxies add it."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
