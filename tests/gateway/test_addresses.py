"""Whose request it is, and who counts as one."""

from ipaddress import IPv4Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.addresses import NOBODY, Connections, client_of, key_of, network_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))

HOPS = {
    "no header": ("198.51.100.7", [], "198.51.100.7"),
    "a header of nobody we know": ("198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
    "one proxy": ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
    "a client that writes its own": ("10.0.0.1", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
    "two proxies": ("10.0.0.1", ["1.1.1.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
    "several headers": ("10.0.0.1", ["1.1.1.1", "203.0.113.9", "10.0.0.2"], "203.0.113.9"),
    "proxies only": ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    "a proxy that says nothing": ("10.0.0.1", [], "10.0.0.1"),
    "an empty header": ("10.0.0.1", [""], "10.0.0.1"),
    "no address": ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
    "no address before a proxy": ("10.0.0.1", ["203.0.113.9, _hidden, 10.0.0.2"], "10.0.0.2"),
    "a port": ("10.0.0.1", ["203.0.113.9:51234"], "203.0.113.9"),
    "IPv6": ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
    "IPv6 with a port": ("fd00::1", ["[2001:db8::7]:443"], "2001:db8::7"),
    "IPv6 in brackets": ("fd00::1", ["[2001:db8::7]"], "2001:db8::7"),
    "brackets that do not end": ("fd00::1", ["[2001:db8::7]]:443]"], "2001:db8::7"),
    "IPv4 as IPv6": ("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
    "octal": ("10.0.0.1", ["203.0.113.09"], "10.0.0.1"),
    "a lone surrogate": ("10.0.0.1", ["\udcff"], "10.0.0.1"),
    "no peer": ("", ["203.0.113.9"], "::"),
}


@pytest.mark.parametrize("name", HOPS)
def test_whose_request_it_is(name: str) -> None:
    """The rightmost hop that is not a proxy of ours; what stands left of it is hearsay."""
    peer, forwarded, client = HOPS[name]
    assert str(client_of(peer, forwarded, proxies=PROXIES)) == client


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("8.8.4.4", b"\x08\x08\x04\x04"),
        ("::ffff:8.8.4.4", b"\x08\x08\x04\x04"),
        ("2606:4700:1:2::3", b"\x26\x06\x47\x00\x00\x01\x00\x02"),
        ("10.0.0.1", None),
        ("127.0.0.1", None),
        ("203.0.113.9", None),
        ("fe80::1%eth0", None),
        ("::ffff:10.0.0.1", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_which_network(address: str, network: bytes | None) -> None:
    """A public IPv4 address, or the /64 of a public IPv6 one; any other address tells nothing."""
    assert network_of(address) == network


def test_no_proxies() -> None:
    """Where no proxy is configured, nobody speaks for anybody else."""
    assert client_of("10.0.0.1", ["203.0.113.9"], proxies=()) == ip_address("10.0.0.1")


def test_a_long_way() -> None:
    """Twenty hops are looked at, however many a client has written."""
    hops = ",".join(["203.0.113.9"] + ["10.0.0.2"] * 20)
    assert client_of("10.0.0.1", [hops], proxies=PROXIES) == ip_address("10.0.0.2")
    hops = ",".join(["203.0.113.9"] + ["10.0.0.2"] * 19)
    assert client_of("10.0.0.1", [hops], proxies=PROXIES) == ip_address("203.0.113.9")


@given(st.ip_addresses(), st.lists(st.text(max_size=60), max_size=5), st.ip_addresses())
def test_nothing_that_is_written_hides_a_client(client: object, written: list[str], other: object) -> None:
    """Whatever a client writes into the header itself, it is known by what our proxy added."""
    said = [*written, f"{other}, {client}"]
    found = client_of("10.0.0.1", said, proxies=[IPv4Network("10.0.0.1/32")])
    mapped = getattr(client, "ipv4_mapped", None)
    if str(mapped or client) != "10.0.0.1":
        assert found == (mapped or client)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.9", "203.0.113.9", True),
        ("203.0.113.9", "203.0.113.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::1", "0.0.0.1", False),
    ],
)
def test_who_counts_as_one(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - the expected answer
    """An IPv4 address is somebody, and so is a /64 of IPv6: who has one has all of its addresses."""
    assert (key_of(ip_address(one)) == key_of(ip_address(other))) is same


def test_connections_of_one_address() -> None:
    """Each address may have so many; who leaves makes room, and who has none takes no memory."""
    connections = Connections(most=2, proxies=PROXIES)
    places = [connections.enter("203.0.113.9") for _ in range(3)]
    assert places == [places[0], places[0], None]
    assert connections.enter("203.0.113.8") is not None
    assert places[0] is not None
    connections.leave(places[0])
    assert connections.enter("203.0.113.9") == places[0]
    assert connections.enter("203.0.113.9") is None
    assert len(connections) == 2
    for _ in range(2):
        connections.leave(places[0])
    assert len(connections) == 1


def test_connections_of_proxies() -> None:
    """What stands in front of us holds as many as it needs."""
    connections = Connections(most=1, proxies=PROXIES)
    assert [connections.enter(peer) for peer in ("10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1")] == [b""] * 3
    assert len(connections) == 0


def test_nobody() -> None:
    """Who has no address is counted too."""
    assert Connections(most=1, proxies=()).enter("") == key_of(NOBODY)
