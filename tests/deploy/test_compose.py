"""docker-compose.yml and what is laid over it, read as text: rules that hold without an engine."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import Settings as GatewaySettings
from metadata_sync.settings import Settings as MetadataSyncSettings
from proofing.settings import Settings as ProofingSettings
from tests.support.containers import prepare
from tests.support.readme import variables_read
from tests.support.run_folder import ROOT

_READERS: dict[str, Callable[[Mapping[str, str]], object]] = {
    "gateway": GatewaySettings.from_env,
    "proofing": ProofingSettings.from_env,
    "metadata-sync": MetadataSyncSettings.from_env,
}
_ONCE = {"prepare", "migrate", "roles"}
_SEES = "/run/waystation/"
# Of who is not among those whom it needs, nobody is to be reached.
_STRANGERS = [
    *(("app", other) for other in ("postgres", "rabbitmq", "proofing", "metadata-sync")),
    *(("tenant", other) for other in ("postgres", "rabbitmq", "proofing")),
    *(("mail", other) for other in ("postgres", "rabbitmq", "proofing", "metadata-sync")),
    ("proofing", "tenant"),
    ("postgres", "rabbitmq"),
]


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


@pytest.fixture(scope="module")
def ours(composed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What `docker compose up` starts."""
    return {name: one for name, one in composed["services"].items() if "profiles" not in one}


def test_what_older_engines_lack() -> None:
    """Nothing needs BuildKit's own frontend or an engine newer than 20.10."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert not dockerfile.startswith("# syntax")
    assert re.findall(r"<<-?['\"]?[A-Z]+|--link|--network=none|--start-interval", dockerfile) == []
    assert re.findall(r"start_interval|additional_contexts", (ROOT / "docker-compose.yml").read_text()) == []


def test_images_go_by_name(composed: dict[str, Any]) -> None:
    """Whoever pins digests or has a registry of their own replaces them by a variable; we invent none."""
    images = [one["image"] for one in composed["services"].values()]
    assert [
        image for image in images if not re.fullmatch(r"\$\{[A-Z_]+:-[a-z0-9./-]+(:[\w.-]+)?\}", image)
    ] == []


def test_ports_are_this_machines(composed: dict[str, Any]) -> None:
    """What is published answers on loopback alone."""
    ports = [port for one in composed["services"].values() for port in one.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_containers_are_hardened(ours: dict[str, dict[str, Any]]) -> None:
    """Ours write to no root and may do nothing; all have limits, and what stays has a health check."""
    for name, one in ours.items():
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert {"cpus", "memory"} == set(one["deploy"]["resources"]["limits"]), name
        assert one["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        if name not in {"postgres", "rabbitmq"}:
            assert (one["read_only"], one["cap_drop"], one["init"]) == (True, ["ALL"], True), name
        if name not in _ONCE:
            assert (one["restart"], set(one["healthcheck"])) >= ("unless-stopped", {"test"}), name


@pytest.mark.parametrize(("one", "other"), _STRANGERS)
def test_who_cannot_talk(ours: dict[str, dict[str, Any]], one: str, other: str) -> None:
    """Those that need not talk share no network."""
    networks = ours.get(other, {}).get("networks", [])
    assert set(ours[one]["networks"]) & set(networks) == set()


@pytest.mark.parametrize("service", _READERS)
def test_environment(ours: dict[str, dict[str, Any]], service: str) -> None:
    """Every variable is one that the service reads, itself or as the name of a file."""
    known = set(variables_read(_READERS[service]))
    optional = {"SMTP_URL", "MAIL_FROM"} if service == "gateway" else set()
    assert set(ours[service]["environment"]) - known - optional == set()


def test_files(ours: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """Each container is given the files that its variables name, and nobody has another's keys."""
    origins = {
        f"{name}_ORIGIN": f"http://{name.lower()}.localhost:1" for name in ("TENANT", "GATEWAY", "APP")
    }
    for name in ("postgres", "rabbitmq", "migrate", "tenant", "app", *_READERS):
        (tmp_path / "prepared" / name).mkdir(parents=True)
    prepare({**origins, "STEPS": "idproof"}, here=tmp_path / "here", prepared=tmp_path / "prepared")
    given = {folder.name: _files_below(folder) for folder in (tmp_path / "prepared").iterdir()}
    for name, one in ours.items():
        named = {value for value in (one.get("environment") or {}).values() if str(value).startswith(_SEES)}
        assert {value.removeprefix(_SEES) for value in named} <= given.get(name, set()), name
    keys = {
        service: {file for file in given[service] if file.startswith("secrets/data-")} for service in _READERS
    }
    assert [len(files) for files in keys.values()] == [1, 1, 1]
    assert "secrets/management" not in given["gateway"] | given["proofing"]
    assert "secrets/session-token" not in given["metadata-sync"] | given["proofing"]


def _files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_development_only_adds(composed: dict[str, Any]) -> None:
    """What developers lay over it has the same services, and publishes on loopback alone."""
    over = yaml.safe_load((ROOT / "docker-compose.dev.yml").read_text())
    assert set(over["services"]) <= set(composed["services"])
    ports = [port for one in over["services"].values() for port in one.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def release(file: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ROOT / "deploy" / "image" / "release", *arguments],
        env={"PATH": os.environ["PATH"], "RELEASE_ENV": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_placeholder_is_not_released(tmp_path: Path) -> None:
    """No base is taken on trust: each is named by a digest that somebody looked up, or nothing is built."""
    delivered = ROOT / "deploy" / "image" / "release.env"
    refused = release(delivered, "waystation:1")
    assert refused.returncode == 2
    assert refused.stderr.count("DIGEST-OF-YOUR-RELEASE") == 3
    filled = tmp_path / "release.env"
    filled.write_text(delivered.read_text().replace("DIGEST-OF-YOUR-RELEASE", "0" * 64))
    assert release(filled, "--check").returncode == 0
    for tag, why in (
        ("waystation:latest", "a version of its own"),
        ("waystation", "has no version"),
        ("registry.example:5000/waystation", "has no version"),
    ):
        answer = release(filled, tag)
        assert answer.returncode == 2
        assert why in answer.stderr
