"""Stacks that run elsewhere, as far as they can be told of here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.addresses import Addresses
from tests.support.loopback import address_of, loopback_connector
from tests.support.run_folder import ROOT

_KNOWN = {
    "event": "up.ready",
    "tenant": "https://tenant.example",
    "gateway": "https://gateway.example",
    "app": "https://app.example",
    "mails": "http://127.0.0.1:8025",
}


def addresses(tmp_path: Path, **more: str) -> Addresses:
    file = tmp_path / "at.json"
    file.write_text(json.dumps(_KNOWN | more))
    return Addresses.read(file)


def test_of_addresses_nothing_else_is_known(tmp_path: Path) -> None:
    """A journey goes where the file says; one that looks further is skipped, and says for what."""
    known = addresses(tmp_path)
    assert (known.origins.gateway, known.mails) == ("https://gateway.example", "http://127.0.0.1:8025")
    with pytest.raises(pytest.skip.Exception, match="only addresses are known, not its database"):
        assert known.database
    with pytest.raises(pytest.skip.Exception, match="not how to kill gateway"):
        known.kill("gateway")


def test_a_database_that_is_near_is_looked_at(tmp_path: Path) -> None:
    """What `kubectl port-forward` brings near serves those that look there."""
    known = addresses(tmp_path, database="postgresql://o@127.0.0.1:1/w", amqp="amqp://a@127.0.0.1:2/w")
    assert (known.database.owner, known.amqp.admin) == (
        "postgresql://o@127.0.0.1:1/w",
        "amqp://a@127.0.0.1:2/w",
    )


def test_a_stack_without_addresses_is_refused() -> None:
    """`--stack=kubernetes` alone says what it lacks, before anything is started."""
    argv = [sys.executable, "-m", "pytest", "--stack=kubernetes", "--collect-only", "-q", "-n0"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--stack=kubernetes needs --at=FILE" in done.stderr


async def test_names_below_localhost_lead_here() -> None:
    """Also where this machine's own resolver does not know them; other names are its business."""
    assert [address_of(host) for host in ("app.localhost", "127.0.0.3")] == ["127.0.0.1", "127.0.0.3"]
    connector = loopback_connector()
    found = await connector._resolver.resolve("gateway.localhost", 80)
    await connector.close()
    assert [one["host"] for one in found] == ["127.0.0.1"]
