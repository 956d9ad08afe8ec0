"""`waystation tenants` tells about a file what a service would, before it does."""

import json
from pathlib import Path

import pytest

from common.cli import run
from tests.common.tenants_on_disk import section, write_secrets, write_tenants


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_secrets(tmp_path)
    return tmp_path


def test_a_good_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its tenants are named, and the exit status is 0."""
    path = write_tenants(folder, {"acme": section()})
    assert run(["tenants", "check", str(path)], {}) == 0
    assert run(["tenants", "check", "--json"], {"TENANTS_FILE": str(path)}) == 0
    assert capsys.readouterr().out == 'Good: acme.\n{"ok": true, "tenants": ["acme"]}\n'


def test_every_mistake(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is listed with file, line and key; the exit status is 2."""
    path = write_tenants(folder, {"acme": section(hosts=["localhost"], transaction={"deadline": "soon"})})
    assert run(["tenants", "check", str(path)], {}) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "tenants.acme.hosts.0",
        "tenants.acme.transaction.deadline",
    ]
    assert run(["tenants", "check", str(path), "--json"], {}) == 2
    assert len(json.loads(capsys.readouterr().out)["mistakes"]) == 2


def test_secrets_that_are_elsewhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the secrets are not at hand, what does not need them can be checked."""
    path = write_tenants(folder, {"acme": section()})
    for secret in (folder / "secrets").iterdir():
        secret.unlink()
    assert run(["tenants", "check", str(path)], {}) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert run(["tenants", "check", str(path), "--without-secrets"], {}) == 0


def test_what_changes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Added, removed and changed settings are told by tenant and name; the order of keys is no change."""
    old = write_tenants(folder, {"acme": section()}, name="old.yaml")
    new = write_tenants(
        folder,
        {"acme": section(transaction={"deadline": "30m"}), "beta": section("beta.eu.auth0.com")},
        name="new.yaml",
    )
    assert run(["tenants", "diff", str(old), str(new), "--json"], {}) == 0
    changes = json.loads(capsys.readouterr().out)
    assert {
        "change": "changed",
        "tenant": "acme",
        "setting": "transaction.deadline",
        "old": '"45m"',
        "new": '"30m"',
    } in changes
    assert {change["change"] for change in changes if change["tenant"] == "beta"} == {"added"}
    assert run(["tenants", "diff", str(new), str(old)], {}) == 0
    assert "removed  beta" in capsys.readouterr().out


def test_nothing_changes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same settings are told to be the same; the exit status is 1."""
    path = write_tenants(folder, {"acme": section()})
    assert run(["tenants", "diff", str(path), str(path)], {}) == 1
    assert capsys.readouterr().err == "Nothing changes.\n"


@pytest.mark.parametrize("text", ["[", "version: 1", "tenants: {a: {}, a: {}}", None])
def test_files_that_are_none(folder: Path, text: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be compared is a mistake with its file; the exit status is 2."""
    good, bad = write_tenants(folder, {"acme": section()}), folder / "bad.yaml"
    if text is not None:
        bad.write_text(text)
    assert run(["tenants", "diff", str(good), str(bad)], {}) == 2
    assert str(bad) in capsys.readouterr().err
