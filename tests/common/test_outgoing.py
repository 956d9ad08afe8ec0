"""Where requests to configured hosts may go (attack cases 89 and 90), and where not."""

import socket
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address, ip_network

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from common.outgoing import Outgoing, is_public, read_outgoing
from common.settings import SettingsError, SettingsReader

_INSIDE = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104 - refused
    *("169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.7"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    *("", "localhost", "acme.eu.auth0.com", "2130706433", "0x7f.1", "127.1", "1.2.3.4/8", "[::1]"),
)


@pytest.mark.parametrize("address", _INSIDE)
def test_inside(address: str) -> None:
    """No address of this machine, of a network of its own, of a cloud's platform or of no kind is public."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "104.16.1.1", "2606:4700::1", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"],
)
def test_outside(address: str) -> None:
    """Addresses of the internet are public, also inside of an IPv6 address."""
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_the_same_address_in_another_form(address: IPv4Address) -> None:
    """Whatever an IPv4 address is, it is inside the IPv6 forms that lead to it."""
    mapped = IPv6Address(f"::ffff:{address}")
    translated = IPv6Address(int(ip_network("64:ff9b::/96").network_address) + int(address))
    assert is_public(str(mapped)) == is_public(str(translated)) == is_public(str(address))


class Names(AbstractResolver):
    """A name server that changes its mind: each name leads to the next of these addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = self._addresses.pop(0) if len(self._addresses) > 1 else self._addresses[0]
        flags = socket.AI_NUMERICHOST
        return [
            {"hostname": host, "host": address, "port": port, "family": family, "proto": 0, "flags": flags}
        ]

    async def close(self) -> None:
        pass


class Server:
    """Something inside, which notes what reaches it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests = 0


@pytest.fixture
async def inside() -> AsyncIterator[Server]:
    async def answer(_request: web.Request) -> web.Response:
        server.requests += 1
        return web.Response(text="inside")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = Server(runner.addresses[0][1])
    yield server
    await runner.cleanup()


async def _ask(server: Server, host: str, *, outgoing: Outgoing, names: Names | None = None) -> int:
    connector = outgoing.connector(resolver=names)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"http://{host}:{server.port}/") as response,
    ):
        return response.status


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]"])
async def test_an_address_as_host(inside: Server, host: str) -> None:
    """An address that stands where a name should is not asked either."""
    with pytest.raises(aiohttp.ClientConnectorError):
        await _ask(inside, host, outgoing=Outgoing())
    assert inside.requests == 0


async def test_a_name_that_leads_inside(inside: Server) -> None:
    """A public name that resolves to an address inside is not asked."""
    with pytest.raises(aiohttp.ClientConnectorError):
        await _ask(inside, "acme.eu.auth0.com", outgoing=Outgoing(), names=Names("127.0.0.1"))
    assert inside.requests == 0


async def test_rebinding(inside: Server) -> None:
    """The address that is checked is the one that is connected to: nothing can change in between."""
    names = Names("127.0.0.1", "8.8.8.8")
    with pytest.raises(aiohttp.ClientConnectorError):
        await _ask(inside, "acme.eu.auth0.com", outgoing=Outgoing(), names=names)
    assert (names.asked, inside.requests) == (1, 0)


async def test_a_local_stack(inside: Server) -> None:
    """With `any` a tenant on this machine is reached."""
    anything = Outgoing(any_address=True)
    assert await _ask(inside, "127.0.0.1", outgoing=anything) == 200
    assert await _ask(inside, "acme.localhost", outgoing=anything, names=Names("127.0.0.1")) == 200


def _read(*, production: bool, **environ: str) -> Outgoing:
    reader = SettingsReader(environ)
    outgoing = read_outgoing(reader, production=production)
    reader.finish()
    return outgoing


def test_the_setting() -> None:
    """Public addresses alone are asked unless somebody says otherwise, which production does not take."""
    assert _read(production=True) == _read(production=False) == Outgoing(any_address=False)
    assert _read(production=True, OUTGOING_ADDRESSES="public") == Outgoing(any_address=False)
    assert _read(production=False, OUTGOING_ADDRESSES="any") == Outgoing(any_address=True)
    with pytest.raises(SettingsError, match="OUTGOING_ADDRESSES: must be public in production"):
        _read(production=True, OUTGOING_ADDRESSES="any")
    with pytest.raises(SettingsError, match="OUTGOING_ADDRESSES: must be one of public, any"):
        _read(production=False, OUTGOING_ADDRESSES="private")
