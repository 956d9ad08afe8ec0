"""The compose profile `dashboards`, read as text: its images cannot be had where this was made."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.log_catalogue import ALWAYS
from deploy.dashboards.source.__main__ import BOARDS
from tests.support.run_folder import ROOT

_HERE = ROOT / "deploy" / "dashboards"
_SCRAPED = ("gateway", "proofing", "metadata-sync", "rabbitmq")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Every service of the compose file."""
    composed: dict[str, dict[str, dict[str, Any]]] = read(ROOT / "docker-compose.yml")
    return composed["services"]


@pytest.fixture(scope="module")
def watching(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those of the profile."""
    return {name: one for name, one in services.items() if one.get("profiles") == ["dashboards"]}


def test_who_is_there(watching: dict[str, dict[str, Any]]) -> None:
    """Metrics, logs, whoever ships them, pictures; nothing else needs the profile."""
    assert set(watching) == {"prometheus", "loki", "alloy", "grafana"}


def test_they_are_hardened(watching: dict[str, dict[str, Any]]) -> None:
    """As ours are; Loki's image has nothing that could ask it, so that Grafana's check does."""
    for name, one in watching.items():
        assert (one["read_only"], one["cap_drop"], one["init"]) == (True, ["ALL"], True), name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert {"cpus", "memory"} == set(one["deploy"]["resources"]["limits"]), name
        assert one["restart"] == "unless-stopped", name
        assert ("healthcheck" in one) is (name != "loki"), name
    assert "http://loki:3100/ready" in watching["grafana"]["healthcheck"]["test"][1]


def test_nobody_is_asked_to_speak_to_the_engine(services: dict[str, dict[str, Any]]) -> None:
    """Its socket would be the machine's keys."""
    mounts = [mount for one in services.values() for mount in one.get("volumes", [])]
    assert [mount for mount in mounts if "docker.sock" in mount] == []


def test_who_can_talk(services: dict[str, dict[str, Any]], watching: dict[str, dict[str, Any]]) -> None:
    """Prometheus reaches whom it scrapes; logs and pictures reach no service of ours."""
    networks = {name: set(one.get("networks", [])) for name, one in services.items()}
    assert {name for name in networks if "metrics" in networks[name]} == {*_SCRAPED, "prometheus"}
    for name in ("loki", "alloy", "grafana"):
        shared = {other for other in networks if networks[other] & networks[name]}
        assert shared <= set(watching), name
    assert set(watching) == {name for name in networks if "watching" in networks[name]}


def test_files_are_there(watching: dict[str, dict[str, Any]]) -> None:
    """Whatever is mounted from the project exists, and may not be written to."""
    mounts = [mount for one in watching.values() for mount in one["volumes"] if mount.startswith("./")]
    assert mounts
    for mount in mounts:
        source, _, options = mount.split(":")
        assert (ROOT / source).exists(), mount
        assert options == "ro", mount


def test_what_is_scraped(services: dict[str, dict[str, Any]]) -> None:
    """Each service at its admin port, and the broker; all are called what the logs call them."""
    jobs = read(_HERE / "prometheus" / "prometheus.yaml")["scrape_configs"]
    found = set()
    for job in jobs:
        (names,), (label,) = job["dns_sd_configs"], job["relabel_configs"]
        assert names["names"] == [label["replacement"]]
        assert label["target_label"] == "service_name"
        found.add((label["replacement"], names["port"]))
    assert found == {("gateway", 9090), ("proofing", 9090), ("metadata-sync", 9090), ("rabbitmq", 15692)}
    for service in ("gateway", "proofing", "metadata-sync"):
        assert services[service]["environment"]["ADMIN_LISTEN"].endswith(":9090")
    plugins = (ROOT / "deploy" / "rabbitmq" / "enabled_plugins").read_text()
    assert "rabbitmq_prometheus" in plugins


def test_kubernetes_calls_them_the_same() -> None:
    """The ServiceMonitors give every series the label that dashboards choose by."""
    path = ROOT / "deploy" / "kubernetes" / "components" / "monitoring" / "servicemonitors.yaml"
    for monitor in yaml.safe_load_all(path.read_text()):
        if monitor["kind"] != "ServiceMonitor":
            continue
        (endpoint,) = monitor["spec"]["endpoints"]
        name = monitor["metadata"]["name"].removeprefix("waystation-")
        assert {"targetLabel": "service_name", "replacement": name} in endpoint["relabelings"]


def test_what_is_shipped() -> None:
    """The shipper makes labels of the fields that the catalogue calls so, and takes lines of ours alone."""
    text = (_HERE / "alloy" / "config.alloy").read_text()
    (labels,) = re.findall(r"stage\.labels \{\s+values = \{(.*?)\}", text, re.DOTALL)
    assert re.findall(r"^\s*(\w+) +=", labels, re.MULTILINE) == [
        name
        for name in ("service_name", "severity", "deployment_environment_name")
        if name in {field.name for field in ALWAYS if field.label}
    ]
    assert len([field for field in ALWAYS if field.label]) == 3
    assert r"{service_name!~\"gateway|proofing|metadata-sync\"}" in text
    assert text.count("{") == text.count("}")


def test_where_pictures_come_from(watching: dict[str, dict[str, Any]]) -> None:
    """Sources are the services of the profile, and every board is in the folder that is read."""
    sources = read(_HERE / "provisioning" / "datasources.yaml")["datasources"]
    assert {(one["type"], one["url"]) for one in sources} == {
        ("prometheus", "http://prometheus:9090"),
        ("loki", "http://loki:3100"),
    }
    (provider,) = read(_HERE / "provisioning" / "dashboards.yaml")["providers"]
    mounted = f"./deploy/dashboards/grafana:{provider['options']['path']}:ro"
    assert mounted in watching["grafana"]["volumes"]
    boards = {f"{board.name}.json" for board in BOARDS}
    assert {path.name for path in (_HERE / "grafana").iterdir()} == boards
    generated, alerts = read(_HERE / "kustomization.yaml")["configMapGenerator"]
    assert {Path(name).name for name in generated["files"]} == boards
    assert alerts["files"] == ["loki/alerts.yaml"]


def test_where_loki_finds_its_alerts(watching: dict[str, dict[str, Any]]) -> None:
    """In the folder of the one tenant that there is."""
    folder = read(_HERE / "loki" / "loki.yaml")["ruler"]["storage"]["local"]["directory"]
    mounted = f"./deploy/dashboards/loki/alerts.yaml:{folder}/fake/alerts.yaml:ro"
    assert mounted in watching["loki"]["volumes"]
