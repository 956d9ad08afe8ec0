"""How the services of deploy/kubernetes come, go and are kept apart."""

import os
import subprocess
from pathlib import Path

import pytest

from common.bus import PUBLISH_SECONDS, SETUP_SECONDS
from common.farewell import DRAIN_SECONDS
from common.subscription import ACK_SECONDS
from gateway.listener import SHUTDOWN_SECONDS
from metadata_sync.internal import SHUTDOWN_SECONDS as INTERNAL_SHUTDOWN_SECONDS
from metadata_sync.management import DEADLINES
from tests.deploy.manifests import (
    KUBECTL,
    KUBERNETES,
    Manifest,
    container_of,
    make_dev_secrets,
    one,
    pod_of,
    render_overlay,
)

# What a service does between SIGTERM and its end, in seconds at most, before it closes what it has open.
_FAREWELL = {
    "gateway": DRAIN_SECONDS + SHUTDOWN_SECONDS,
    "proofing": 0.0,
    "metadata-sync": DRAIN_SECONDS + INTERNAL_SHUTDOWN_SECONDS + (DEADLINES.total or 0),
}
_CLOSING = PUBLISH_SECONDS + ACK_SECONDS + SETUP_SECONDS
_PART = "app.kubernetes.io/component"
# It builds for itself, and says what it is told to do.
_KUBECTL = """#!/bin/sh
[ "$1" = kustomize ] && exec "{real}" "$@"
printf '%s|' "$@" >>"{said}"
echo >>"{said}"
"""


@pytest.fixture(scope="module")
def prod() -> list[Manifest]:
    return render_overlay("prod")


@pytest.mark.parametrize("service", _FAREWELL)
def test_probes(prod: list[Manifest], service: str) -> None:
    """Each service is asked three things, on a port that it has."""
    container = container_of(prod, service)
    probes = {name: probe["httpGet"] for name, probe in container.items() if name.endswith("Probe")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startupProbe": "/healthz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }
    assert {probe["port"] for probe in probes.values()} <= {port["name"] for port in container["ports"]}


@pytest.mark.parametrize("service", _FAREWELL)
def test_time_to_end(prod: list[Manifest], service: str) -> None:
    """A pod has longer to end than all of its farewell takes."""
    pause = container_of(prod, service)["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = pod_of(prod, service)["spec"]["terminationGracePeriodSeconds"]
    assert grace > pause + _FAREWELL[service] + _CLOSING


@pytest.mark.parametrize("service", _FAREWELL)
def test_never_the_last(prod: list[Manifest], service: str) -> None:
    """No rollout and no drained node takes the last replica; they are spread over zones and machines."""
    deployment = one(prod, f"Deployment/waystation-{service}")["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    budget = one(prod, f"PodDisruptionBudget/waystation-{service}")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    spread = pod_of(prod, service)["spec"]["topologySpreadConstraints"]
    keys = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    assert {rule["topologyKey"] for rule in spread} == keys


@pytest.mark.parametrize(
    ("service", "scaler", "fewest"),
    [
        ("gateway", "HorizontalPodAutoscaler", {"minReplicas": 3}),
        ("proofing", "ScaledObject", {"minReplicaCount": 2}),
        ("metadata-sync", "Deployment", {"replicas": 2}),
    ],
)
def test_how_many(prod: list[Manifest], service: str, scaler: str, fewest: dict[str, int]) -> None:
    """Two at least; and one alone says how many: a number beside a scaler would undo its work."""
    name = f"waystation-{service}"
    assert fewest.items() <= one(prod, f"{scaler}/{name}")["spec"].items()
    says_so = "replicas" in one(prod, f"Deployment/{name}")["spec"]
    assert says_so == (scaler == "Deployment")


def test_who_may_talk(prod: list[Manifest]) -> None:
    """Nobody may talk to anybody; then each service has a policy of its own, and none is for everybody."""
    policies = {m["metadata"]["name"]: m["spec"] for m in prod if m["kind"] == "NetworkPolicy"}
    assert policies["waystation-deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for service in _FAREWELL:
        selected = policies[f"waystation-{service}"]["podSelector"]["matchLabels"]
        assert selected == {"app.kubernetes.io/name": f"waystation-{service}"}
    rules = [
        rule for spec in policies.values() for way in ("ingress", "egress") for rule in spec.get(way, [])
    ]
    assert rules
    assert all((rule.get("to") or rule.get("from")) and rule.get("ports") for rule in rules)


def test_the_job_of_the_release_before(prod: list[Manifest]) -> None:
    """What a Job runs cannot change: Argo CD and Flux are told to make it anew, as `apply` does."""
    job = one(prod, "Job/waystation-migrate")
    assert job["metadata"]["annotations"] == {
        "argocd.argoproj.io/hook": "PreSync",
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
        "kustomize.toolkit.fluxcd.io/force": "enabled",
    }
    assert job["spec"]["ttlSecondsAfterFinished"] == 86_400


def test_rollout_in_order(tmp_path: Path) -> None:
    """Migrations, then who consumes, then the gateway: each is waited for before the next begins."""
    make_dev_secrets()
    said, kubectl = tmp_path / "said", tmp_path / "kubectl"
    kubectl.write_text(_KUBECTL.format(real=KUBECTL, said=said))
    kubectl.chmod(0o700)
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run([KUBERNETES / "apply", "dev"], check=True, env={"PATH": path}, timeout=60)
    words = [line.rstrip("|").split("|") for line in said.read_text().splitlines()]
    told = [
        (verb, *(word for word in rest if word.startswith(("waystation-", _PART, "--for"))))
        for verb, *rest in words
    ]
    everywhere = "waystation-dev"
    assert told == [
        ("delete", everywhere),
        ("apply", f"{_PART} notin (gateway, proofing, metadata-sync)"),
        ("wait", "--for=condition=complete", everywhere),
        ("apply", f"{_PART} in (proofing, metadata-sync)"),
        ("rollout", "waystation-proofing", everywhere),
        ("rollout", "waystation-metadata-sync", everywhere),
        ("apply", f"{_PART} in (gateway)"),
        ("rollout", "waystation-gateway", everywhere),
    ]
