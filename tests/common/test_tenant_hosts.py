"""Which hosts a tenants file may name: public names, and outside production two forms more."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.tenants import load_tenants
from tests.common.tenants_on_disk import at, mistakes, section, write_tenants


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "acme",
            "localhost",
            "acme.localhost",
            "printer.local",
            "metadata.google.internal",
            "acme.com.",
        ),
        *(
            "https://acme.eu.auth0.com",
            "http://acme.eu.auth0.com",
            "acme.eu.auth0.com/",
            "acme.eu.auth0.com:443",
        ),
        *(
            "ACME.eu.auth0.com",
            "user@acme.eu.auth0.com",
            " acme.eu.auth0.com",
            "acme.eu.auth0.com\n",
            "-a.com",
        ),
        *(
            "127.0.0.1",
            "127.0.0.1:5001",
            "169.254.169.254",
            "10.0.0.1:80",
            "[::1]:80",
            "2130706433",
            "0x7f.1",
        ),
        *(
            "a..com",
            "*.auth0.com",
            "\u0430cme.auth0.com",
            "acme_1.auth0.com",
            f"{'a' * 64}.com",
            7,
            None,
            ["a.b"],
        ),
    ],
)
@pytest.mark.parametrize("put", [at("hosts"), at("management", "domain")], ids=["hosts", "domain"])
def test_hosts_in_production(tmp_path: Path, put: Callable[[dict[str, Any], Any], None], host: Any) -> None:
    """In production a host is a bare public name: no scheme, port, address or name of this network."""
    tenant = section()
    put(tenant, host)
    if tenant["hosts"] == host:
        tenant["hosts"] = [host]
    assert len(mistakes(write_tenants(tmp_path, {"acme": tenant}))) == 1


@pytest.mark.parametrize(
    "host",
    [
        *(
            "http://127.0.0.1:5001",
            "127.0.0.1",
            "127.0.0.0:1",
            "127.0.0.255:1",
            "127.0.0.01:1",
            "127.0.0.1:0",
        ),
        *("127.0.0.1:65536", "127.0.0.1:080", "127.0.1.1:80", "10.0.0.1:80", "localhost:5001", "[::1]:5001"),
        *("169.254.169.254:80", "127.0.0.1:5001/", "0.0.0.0:80"),
        *("a.b.localhost:80", ".localhost:80", "acme.localhost", "acme.localhost.:80", "acme.localhost:0"),
    ],
)
def test_hosts_in_development(tmp_path: Path, host: str) -> None:
    """Outside production exactly two more forms are a host: 127.0.0.n:PORT and NAME.localhost:PORT."""
    path = write_tenants(tmp_path, {"acme": section(hosts=[host])})
    assert len(mistakes(path, production=False)) == 1


@pytest.mark.parametrize("host", ["127.0.0.254:5001", "tenant.localhost:4000"])
def test_hosts_of_a_local_stack(tmp_path: Path, host: str) -> None:
    """Both are hosts in development, and none is one in production."""
    path = write_tenants(tmp_path, {"acme": section(hosts=[host])})
    assert load_tenants(path, production=False).get("acme") is not None
    assert len(mistakes(path, production=True)) >= 1


def test_one_host_of_two_tenants(tmp_path: Path) -> None:
    """A host belongs to one tenant, also across the files of a folder."""
    folder = tmp_path / "tenants"
    folder.mkdir()
    write_tenants(folder, {"acme": section()}, name="a.yaml")
    twice = section(hosts=["b.example.org", "acme.eu.auth0.com", "b.example.org"])
    write_tenants(folder, {"beta": twice}, name="b.yaml")
    assert mistakes(folder) == (
        "b.yaml:6: tenants.beta.hosts.1: the host already belongs to tenant acme",
        "b.yaml:7: tenants.beta.hosts.2: the host already belongs to tenant beta",
    )
