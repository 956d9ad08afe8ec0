"""What the containers of docker-compose.yml are to each other while they run."""

import json
import subprocess

import pytest

from tests.support.composed import ComposedStack
from tests.support.errors import ProcessFailedError
from tests.support.places import COMPOSE
from tests.support.site import Site

pytestmark = [
    pytest.mark.only_at(COMPOSE, reason="only containers have networks and volumes of their own"),
    pytest.mark.timeout(300),
]

_CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
_FILES = "import os, json; print(json.dumps(sorted(os.listdir('/run/waystation/secrets'))))"
_WRITE = "import sys; open(sys.argv[1], 'w')"


@pytest.fixture
def composed(stack: Site) -> ComposedStack:
    assert isinstance(stack, ComposedStack)
    return stack


@pytest.mark.parametrize(
    ("one", "other", "port"),
    [
        ("gateway", "postgres", 5432),
        ("gateway", "mail", 2525),
        ("gateway", "metadata-sync", 8443),
        ("proofing", "rabbitmq", 5672),
        ("metadata-sync", "tenant.localhost", None),
    ],
)
def test_who_talks(composed: ComposedStack, one: str, other: str, port: int | None) -> None:
    """Whoever needs a neighbour reaches it by its name."""
    composed.python(one, _CONNECT, other, str(port or composed.port("tenant")))


@pytest.mark.parametrize(
    ("one", "other", "port"),
    [
        ("app", "postgres", 5432),
        ("app", "metadata-sync", 8443),
        ("tenant", "rabbitmq", 5672),
        ("mail", "postgres", 5432),
        ("proofing", "tenant", None),
        ("proofing", "192.0.2.1", 443),
        ("metadata-sync", "192.0.2.1", 443),
    ],
)
def test_who_does_not(composed: ComposedStack, one: str, other: str, port: int | None) -> None:
    """Whoever does not need it cannot; services that need nothing outside reach nothing there."""
    with pytest.raises(ProcessFailedError, match=r"gaierror|Name or service|timed out|unreachable"):
        composed.python(one, _CONNECT, other, str(port or composed.port("tenant")))


def test_each_has_its_own_secrets(composed: ComposedStack) -> None:
    """A service sees the keys of its own work, and those with which it seals for others."""
    seen = {name: json.loads(composed.python(name, _FILES)) for name in ("proofing", "metadata-sync")}
    assert seen == {
        "proofing": ["data-proofing.key", "seal-proofing.key"],
        "metadata-sync": ["data-metadata-sync.key", "internal", "management", "seal-metadata-sync.key"],
    }


@pytest.mark.parametrize("path", ["/run/waystation/tenants.yaml", "/opt/waystation/x", "/etc/x", "/x"])
def test_nothing_is_written(composed: ComposedStack, path: str) -> None:
    """Neither its root nor what it was given can be changed by a service."""
    with pytest.raises(ProcessFailedError, match=r"Read-only file system|Permission denied"):
        composed.python("gateway", _WRITE, path)


def test_operators_have_their_command_inside(composed: ComposedStack) -> None:
    """`docker compose exec SERVICE waystation …` knows the service's database and keys."""
    operator = composed.operator("proofing")
    done = subprocess.run(
        [*operator.argv, "reviews", "list", "--json"],
        env=operator.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert isinstance(json.loads(done.stdout), list | dict)
