"""What production refuses, all at once, before it serves anything: the real processes, and what they list."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from common.production import is_open_to_all, is_public, weak_login
from tests.common.tenants_on_disk import section, write_tenants
from tests.support.processes import base_environment
from tests.support.run_folder import ROOT
from tests.support.secret_folder import SecretFolder, write_private

PASSWORD = "0123456789-abcdef-0123456789"
SECONDS = 60
MODES = "give it mode 0400, or 0440 for its group"


def good(service: str, folder: Path) -> dict[str, str]:
    """An environment that production takes, as far as it can be told without asking a server."""
    keys = SecretFolder(folder / "keys")
    environment = {
        "TENANTS_FILE": str(write_tenants(folder, {"acme": section()})),
        "DATABASE_URL": f"postgresql://waystation_{service.replace('-', '_')}:{PASSWORD}@127.0.0.1:1/x",
        "AMQP_URL": f"amqp://{service}:{PASSWORD}@127.0.0.1:1/x",
        "DATA_KEY_FILES": str(keys.key_file("data")),
    }
    if service != "gateway":
        return environment | {"SEAL_KEY_FILES": str(keys.key_file("seal"))}
    return environment | {
        "PUBLIC_BASE_URL": "https://steps.acme.example",
        "TRUSTED_PROXIES": "10.0.0.0/8",
        "COOKIE_KEY_FILES": str(keys.key_file("cookie")),
        "PROOFING_SEAL_KEY_FILE": str(keys.key_file("seal-proofing")),
        "METADATA_SYNC_SEAL_KEY_FILE": str(keys.key_file("seal-metadata-sync")),
    }


def listed(module: str, environment: Mapping[str, str]) -> tuple[int, list[str]]:
    """How the process ends, and what it says line by line; examples of settings are left out."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        env=base_environment() | dict(environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.stdout == ""
    return done.returncode, [line.partition("; for example ")[0] for line in done.stderr.splitlines()]


def open_file(folder: Path, name: str, text: str) -> str:
    path = write_private(folder / name, text)
    path.chmod(0o644)
    return str(path)


WEAK: dict[str, dict[str, Any]] = {
    "gateway": {
        "changes": {
            "DATABASE_URL": "postgresql://postgres:postgres@db/waystation",
            "AMQP_URL": "amqp://guest:guest@mq/waystation",
            "ADMIN_LISTEN": "0.0.0.0:9090",
            "PUBLIC_BASE_URL": "http://steps.acme.example",
            "COOKIE_KEY_FILES": "OPEN",
            "DATA_KEY_FILES": "/nowhere/data.key",
            "PROOFING_SEAL_KEY_FILE": "SHORT",
            "SMTP_URL": "smtp://mail",
            "MAIL_FROM": "Acme <no-reply@acme.example>",
            "OUTGOING_ADDRESSES": "any",
        },
        "listed": [
            "ADMIN_LISTEN: must be one address that is not public, such as 127.0.0.1 or a pod's own",
            "DATABASE_URL: must not log in as a default or administrative user, in production",
            "DATABASE_URL: must not have a default password, in production",
            "AMQP_URL: must not log in as a default or administrative user, in production",
            "AMQP_URL: must not have a default password, in production",
            "PUBLIC_BASE_URL: must be a URL that begins with https://",
            f"COOKIE_KEY_FILES: file 1 is open to everybody: {MODES}",
            "DATA_KEY_FILES: file 1 cannot be read",
            "PROOFING_SEAL_KEY_FILE: file 1 must hold base64url of exactly 32 bytes",
            "SMTP_URL: must be smtps:// or smtp+starttls:// in production",
            "OUTGOING_ADDRESSES: must be public in production",
        ],
    },
    "proofing": {
        "changes": {
            "DATABASE_URL": "postgresql://waystation_proofing:Waystation1!@db/waystation",
            "AMQP_URL": "amqp://mq/waystation",
            "ADMIN_LISTEN": "[2606:4700::1111]:9090",
            "SEAL_KEY_FILES": "OPEN",
        },
        "listed": [
            "ADMIN_LISTEN: must be one address that is not public, such as 127.0.0.1 or a pod's own",
            "DATABASE_URL: must not have a default password, in production",
            "AMQP_URL: must name a user, or a default one logs in, in production",
            "AMQP_URL: must have a password, in production",
            f"SEAL_KEY_FILES: file 1 is open to everybody: {MODES}",
        ],
    },
    "metadata-sync": {
        "changes": {
            "DATABASE_URL": "postgresql://waystation_metadata_sync:a-short-one@db/waystation",
            "ADMIN_LISTEN": "metrics.acme.example:9090",
            "INTERNAL_LISTEN": "10.0.0.5:8443",
            "INTERNAL_TOKEN_FILES": "OPEN",
        },
        "listed": [
            "ADMIN_LISTEN: must be one address that is not public, such as 127.0.0.1 or a pod's own",
            "DATABASE_URL: must have a password of 16 characters or more, in production",
            f"INTERNAL_TOKEN_FILES: file 1 is open to everybody: {MODES}",
            "INTERNAL_LISTEN: needs INTERNAL_TLS_CERT_FILE and INTERNAL_TLS_KEY_FILE",
        ],
    },
}
# What of its tenants file each service looks at.
TENANTS_FILE = {
    "gateway": [
        "hosts.0: must be a bare public host name",
        "management.domain: must be a bare public host name",
        "session_token.secret_files.0: the secret must have at least 32 bytes",
        "answer_token.secret_files.0: the file is open to everybody",
    ],
    "proofing": [
        "hosts.0: must be a bare public host name",
        "management.domain: must be a bare public host name",
    ],
    "metadata-sync": [
        "hosts.0: must be a bare public host name",
        "management.domain: must be a bare public host name",
        "management.client_secret_file: the file is open to everybody",
    ],
}


@pytest.mark.parametrize("service", WEAK)
def test_everything_that_is_weak_is_listed_at_once(service: str, tmp_path: Path) -> None:
    """A service names each default, short or open secret, what is public, and its tenants file's mistakes."""
    environment = good(service, tmp_path)
    files = {
        "OPEN": open_file(tmp_path, "open.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlBQkNERUY"),
        "SHORT": str(write_private(tmp_path / "short.key", "c2hvcnQ")),
    }
    changes = {name: files.get(value, value) for name, value in WEAK[service]["changes"].items()}
    write_tenants(tmp_path, {"acme": section("http://acme.eu.auth0.com")})
    write_private(tmp_path / "secrets" / "session", "too short")
    for name in ("answer", "management"):
        (tmp_path / "secrets" / name).chmod(0o644)
    status, lines = listed(service.replace("-", "_"), environment | changes)
    mistakes = [line for line in lines if "tenants.yaml" not in line]
    assert (status, mistakes) == (2, WEAK[service]["listed"])
    in_file = [line.partition(": tenants.acme.")[2] for line in lines if "tenants.yaml" in line]
    assert [any(line.startswith(known) for line in in_file) for known in TENANTS_FILE[service]] == [
        True for _ in TENANTS_FILE[service]
    ]
    assert len(in_file) == len(TENANTS_FILE[service])


def test_the_same_is_good_enough_for_development(tmp_path: Path) -> None:
    """Passwords, open files and listeners of a laptop are no mistakes outside production."""
    environment = good("proofing", tmp_path) | WEAK["proofing"]["changes"]
    environment |= {"ENVIRONMENT": "development", "SEAL_KEY_FILES": "/nowhere"}
    assert listed("proofing", environment) == (2, ["SEAL_KEY_FILES: file 1 cannot be read"])


@pytest.mark.parametrize(
    ("url", "mistakes"),
    [
        (
            "postgresql://postgres:postgres@db/waystation",
            ["MIGRATE_DATABASE_URL: must not have a default password, in production"],
        ),
        (
            "postgresql://deployer:deploy@db/waystation",
            ["MIGRATE_DATABASE_URL: must have a password of 16 characters or more, in production"],
        ),
        ("postgresql://postgres@db/x", ["MIGRATE_DATABASE_URL: must have a password, in production"]),
    ],
)
def test_migrations(url: str, mistakes: list[str]) -> None:
    """Migrations are for the server's own user too, but not with a password that everybody knows."""
    assert listed("common.migrate", {"MIGRATE_DATABASE_URL": url}) == (2, mistakes)


@pytest.mark.parametrize("service", WEAK)
def test_a_good_environment_is_taken(service: str, tmp_path: Path) -> None:
    """With good settings a service goes on to its servers, also by files of a group's and of addresses."""
    environment = good(service, tmp_path)
    for name in ("DATABASE_URL", "AMQP_URL"):
        path = write_private(tmp_path / name, environment.pop(name))
        path.chmod(0o440)
        environment[f"{name}_FILE"] = str(path)
    environment["ADMIN_LISTEN"] = "10.1.2.3:9090"
    environment["TENANTS_FILE"] = str(tmp_path / "none.yaml")
    assert listed(service.replace("-", "_"), environment) == (
        2, ["TENANTS_FILE: names a file that does not exist"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "problems"),
    [
        (f"amqp://gateway:{PASSWORD}@mq", []),
        ("amqp://gateway@mq", 1),
        (f"amqp://GUEST:{PASSWORD}@mq", 1),
        (f"amqp://rabbitmq:{PASSWORD}@mq", 1),
        ("amqp://gateway:gateway@mq", 1),
        ("amqp://gateway:Gateway@mq", 1),
        ("amqp://gateway:guest@mq", 1),
        ("amqp://gateway:password123@mq", 1),
        ("amqp://gateway:ChangeMe!!!!!!!!!!!!!!@mq", 1),
        ("amqp://gateway:%70ostgres@mq", 1),
        ("amqp://gateway:fifteen-letters@mq", 1),
        ("amqp://gateway:sixteen-letters-@mq", []),
        ("amqp://:x@mq", 2),
        ("postgresql://waystation_gateway@db/x?sslcert=a&sslkey=b", []),
        ("postgresql://waystation:waystation@db/x", 2),
    ],
)
def test_logins(url: str, problems: int | list[str]) -> None:
    """A login is weak that images bring along, that is a user's name, that is short, or that is none."""
    found = weak_login(url)
    assert len(found) == (problems if isinstance(problems, int) else 0)
    assert not any(word in said for said in found for word in (PASSWORD, "letters", "gateway"))


@pytest.mark.parametrize(
    ("mode", "is_open"),
    [
        (0o400, False),
        (0o600, False),
        (0o440, False),
        (0o640, False),
        (0o444, True),
        (0o604, True),
        (0o602, True),
    ],
)
def test_modes_of_secret_files(tmp_path: Path, *, mode: int, is_open: bool) -> None:
    """A file is open that others may read or write; through a link it is the file's own mode that counts."""
    path = write_private(tmp_path / "secret", "x")
    path.chmod(mode)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert [is_open_to_all(path), is_open_to_all(link)] == [is_open, is_open]


def test_what_an_orchestrator_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a read-only mount, as Kubernetes and Docker make for secrets, 0444 is the container's business."""
    path = write_private(tmp_path / "secret", "x")
    path.chmod(0o444)
    there = os.statvfs(path)
    read_only = os.statvfs_result((*there[:8], there.f_flag | os.ST_RDONLY, there.f_namemax))
    monkeypatch.setattr("os.statvfs", lambda _path: read_only)
    assert not is_open_to_all(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Of what cannot be read somebody else complains."""
    assert not is_open_to_all(tmp_path / "none")


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("localhost", False),
        ("10.0.0.7", False),
        ("172.16.3.4", False),
        ("192.168.1.1", False),
        ("fd00::7", False),
        ("100.64.0.9", False),
        ("0.0.0.0", True),  # noqa: S104 - looked at, not bound
        ("::", True),
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("gateway", True),
        ("::ffff:8.8.8.8", True),
    ],
)
def test_public_addresses(host: str, *, public: bool) -> None:
    """A listener is public that stands for all addresses, has one routed everywhere, or only a name."""
    assert is_public(host) is public
