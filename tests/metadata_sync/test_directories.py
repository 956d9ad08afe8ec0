"""Passwords in a directory: a real slapd by LDAPS, asked through the call that the gateway makes."""

import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.errors import PasswordUnavailableError
from gateway.password_call import PasswordAnswer, PasswordCalls, open_password_calls
from gateway.settings import PasswordCallSettings
from tests.common.tenants_on_disk import mistakes, section, write_tenants
from tests.journeys.canaries import seen
from tests.metadata_sync.rows import every_row
from tests.metadata_sync.tenant import Tenant
from tests.support.databases import ServiceDatabase
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.service_process import ServiceProcess
from tests.support.slapd import BASE, CHANGER, CHANGER_PASSWORD, GUID, HOST, Slapd, running_slapd

TOKEN = "token-of-the-gateway-" + "t" * 32
CANARY = "Quetzal-7-Canäry!"
_CHANGED = PasswordAnswer(is_changed=True, code="changed")


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    folder = RunFolder(tmp_path_factory.mktemp("slapd"))
    with running_slapd(folder) as running:
        yield running


def directory(slapd: Slapd, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "ldap",
        "url": slapd.url,
        "bind_dn": CHANGER,
        "bind_password_file": "secrets/directory",
        "base": BASE,
        "ca_file": str(slapd.ca_file),
    } | changes


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server((HOST, 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def connections(slapd: Slapd, silent: int, tmp_path: Path) -> dict[str, Any]:
    """One connection per way in which a directory can be, and be wrong."""
    folder = tmp_path / "secrets"
    folder.mkdir(exist_ok=True)
    (folder / "directory").write_text(f"{CHANGER_PASSWORD}\n")
    (folder / "wrong").write_text("not the password\n")
    return {
        "ldap": directory(slapd),
        "ad": directory(slapd, kind="ad"),
        "twins": directory(slapd, filter="(mail={id})"),
        "forbidden": directory(slapd, bind_password_file="secrets/wrong"),
        "nobody": directory(slapd, bind_dn=f"cn=nobody,{BASE}"),
        "foreign": {name: value for name, value in directory(slapd).items() if name != "ca_file"},
        "misnamed": directory(slapd, url=f"ldaps://localhost:{slapd.port}"),
        "away": directory(slapd, url=f"ldaps://{HOST}:{free_port()}"),
        "silent": directory(slapd, url=f"ldaps://{HOST}:{silent}"),
        "elsewhere": directory(slapd, base="dc=globex,dc=example"),
    }


@pytest.fixture
def address(service: ServiceProcess, tenants_file: Path, connections: dict[str, Any], tmp_path: Path) -> str:
    """Where a running metadata-sync, whose tenant has these connections, answers the call."""
    written = yaml.safe_load(tenants_file.read_text())
    written["tenants"]["acme"]["connections"] = connections
    tenants_file.write_text(yaml.safe_dump(written))
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    address = f"{HOST}:{free_port()}"
    service.environment |= {
        "INTERNAL_LISTEN": address,
        "INTERNAL_TOKEN_FILES": str(tmp_path / "token"),
    }
    service.start()
    return address


@pytest.fixture
async def calls(address: str) -> AsyncIterator[PasswordCalls]:
    """The gateway's way to it."""
    async with open_password_calls(PasswordCallSettings(url=f"http://{address}", token=TOKEN)) as opened:
        yield opened


async def change(
    calls: PasswordCalls, connection: str, identifier: str = "anna", *, password: str = CANARY
) -> PasswordAnswer:
    return await calls.change(
        tenant="acme",
        transaction_id="tx-1",
        user_id=f"ad|{connection}|{identifier}",
        connection=connection,
        password=password,
    )


async def test_an_ldap_server(
    calls: PasswordCalls, slapd: Slapd, service: ServiceProcess, tenant: Tenant, database: ServiceDatabase
) -> None:
    """The new password lets in, the old one does not; a refused one changes nothing; nobody else sees any."""
    assert await change(calls, "ldap") == _CHANGED
    assert slapd.lets_in(CANARY)
    assert not slapd.lets_in("over-the-bridge-7")
    answer = await change(calls, "ldap", password="short")
    assert (answer.is_changed, answer.code) == (False, "password_refused")
    assert slapd.lets_in(CANARY)
    assert await tenant.calls("PATCH") == []
    lines = service.lines()
    events = [line["event"] for line in lines if line["event"].startswith("password.")]
    assert events == ["password.changed", "password.refused"]
    kept = [json.dumps(lines), *await every_row(database)]
    assert seen({"password": CANARY, "changer": CHANGER_PASSWORD}, kept) == []


async def test_active_directory(calls: PasswordCalls, slapd: Slapd) -> None:
    """The person is found by their GUID, and `unicodePwd` becomes the password in quotes, as UTF-16."""
    assert await change(calls, "ad", str(GUID), password="Zürich-7-🎉") == _CHANGED
    assert slapd.has_unicode_pwd("Zürich-7-🎉")


NOBODY = [
    ("ldap", "nobody"),
    ("ldap", "*"),
    ("ldap", "anna)(uid=*"),
    ("ldap", "a\\00nna"),
    ("ad", "anna"),
    ("ad", "00000000-0000-0000-0000-000000000000"),
    ("elsewhere", "anna"),
]


async def test_whom_the_directory_does_not_have(calls: PasswordCalls) -> None:
    """Whoever is not found is told so, and no identifier is read as a filter."""
    for connection, identifier in NOBODY:
        answer = await change(calls, connection, identifier)
        assert (answer.is_changed, answer.code) == (False, "user_not_found"), (connection, identifier)


UNAVAILABLE = [
    ("twins", "directory_ambiguous"),
    ("forbidden", "directory_forbids"),
    ("nobody", "directory_forbids"),
    ("foreign", "directory_unreachable"),
    ("misnamed", "directory_unreachable"),
    ("away", "directory_unreachable"),
    ("silent", "directory_unreachable"),
]


async def test_a_directory_that_cannot_be_used(calls: PasswordCalls, service: ServiceProcess) -> None:
    """Not there, silent, not trusted, or not for us: nothing was changed, and the log says which it was."""
    for connection, _ in UNAVAILABLE:
        identifier = "twin@acme.example" if connection == "twins" else "anna"
        with pytest.raises(PasswordUnavailableError):
            await change(calls, connection, identifier)
    lines = [line for line in service.lines() if line["event"] == "password.unavailable"]
    assert [line["reason"] for line in lines] == [reason for _, reason in UNAVAILABLE]


WRONG = [
    ({"kind": "edir"}, "connections.corp.kind"),
    ({"url": "ldap://dc.corp.example"}, "connections.corp.url: must be ldaps://HOST"),
    ({"url": "ldaps://dc.corp.example:70000"}, "connections.corp.url: must have a port up to 65535"),
    ({"url": "ldaps://user@dc.corp.example"}, "connections.corp.url"),
    ({"bind_password_file": "secrets/none"}, "connections.corp.bind_password_file"),
    ({"filter": "(uid=anna)"}, "filter must have {id} or {guid} once"),
    ({"filter": "(|(uid={id})(cn={id}))"}, "filter must have {id} or {guid} once"),
    ({"base": ""}, "connections.corp.base"),
    ({"ca_file": "secrets/management"}, "connections.corp.ca_file: names no PEM file with certificates"),
    ({"more": 1}, "connections.corp.more"),
]


@pytest.mark.parametrize(("changes", "mistake"), WRONG)
def test_mistakes_in_the_tenants_file(tmp_path: Path, changes: dict[str, Any], mistake: str) -> None:
    """A connection that cannot be meant is refused at load, with its place."""
    corp = {
        "kind": "ad",
        "url": "ldaps://dc.corp.example",
        "bind_dn": "CN=waystation,DC=corp,DC=example",
        "bind_password_file": "secrets/management",
        "base": "DC=corp,DC=example",
    }
    path = write_tenants(tmp_path, {"acme": section(connections={"corp": corp | changes})})
    assert any(mistake in one for one in mistakes(path)), mistakes(path)
