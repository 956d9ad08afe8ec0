"""deploy/kubernetes: everything builds, fits together, and mistakes are found."""

import re
import subprocess
from collections.abc import Callable, Mapping
from copy import deepcopy
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import Settings as GatewaySettings
from metadata_sync.settings import Settings as MetadataSyncSettings
from proofing.settings import Settings as ProofingSettings
from tests.deploy.manifests import (
    COMPONENTS,
    KUBERNETES,
    OVERLAYS,
    Manifest,
    RenderError,
    container_of,
    named,
    pod_of,
    references,
    render_overlay,
    render_with,
)
from tests.deploy.validate import mistakes
from tests.support.readme import variables_read

_READERS: dict[str, Callable[[Mapping[str, str]], object]] = {
    "gateway": GatewaySettings.from_env,
    "proofing": ProofingSettings.from_env,
    "metadata-sync": MetadataSyncSettings.from_env,
}
_FOLDER = "/run/secrets/waystation/"
# A developer's servers go with their overlay; traces change nothing that the others do.
_OPTIONAL = [name for name in COMPONENTS if name not in {"dev-infra", "traces"}]
_COMBINATIONS = [
    *chain.from_iterable(combinations(_OPTIONAL, n) for n in range(len(_OPTIONAL) + 1)),
    ("traces",),
    (*_OPTIONAL, "traces"),
]


@pytest.fixture(scope="module")
def dev() -> list[Manifest]:
    return render_overlay("dev")


@pytest.fixture(scope="module")
def prod() -> list[Manifest]:
    return render_overlay("prod")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays(overlay: str) -> None:
    """Each is of the right form for the oldest and the newest Kubernetes, and breaks no policy."""
    assert list(mistakes(render_overlay(overlay))) == []


def test_every_combination_of_components(tmp_path: Path) -> None:
    """Each builds, and has every object once."""
    for number, components in enumerate(_COMBINATIONS):
        folder = tmp_path / str(number)
        folder.mkdir()
        names = [named(manifest) for manifest in render_with(components, folder=folder)]
        assert len(names) == len(set(names)), components
    assert len(_COMBINATIONS) == 34


def test_what_does_not_build(tmp_path: Path) -> None:
    """A component that is not there is an error that names it."""
    with pytest.raises(RenderError, match="nowhere"):
        render_with(["nowhere"], folder=tmp_path)


@pytest.mark.parametrize("service", _READERS)
def test_environment(prod: list[Manifest], service: str) -> None:
    """Every variable is one that the service reads."""
    container = container_of(prod, service)
    shared = next(m["data"] for m in prod if m["metadata"]["name"].startswith("waystation-settings-"))
    given = {*shared, *(entry["name"] for entry in container["env"])}
    known = {"POD_IP", *variables_read(_READERS[service])}
    only_gateway = {"PUBLIC_BASE_URL", "TRUSTED_PROXIES", "SMTP_URL", "MAIL_FROM"}
    assert given - known - only_gateway == set()


@pytest.mark.parametrize("service", [*_READERS, "migrate"])
def test_secrets(dev: list[Manifest], service: str) -> None:
    """Every file that a variable names is in a secret that the pod mounts, and in no other pod's."""
    mounted = _mounted_keys(dev, service)
    environment = container_of(dev, service).get("env", [])
    files = {
        entry["value"].removeprefix(_FOLDER) for entry in environment if _FOLDER in entry.get("value", "")
    }
    optional = {"smtp-password"}
    assert files - optional <= mounted


def test_secrets_of_the_tenants(dev: list[Manifest]) -> None:
    """The client secret is metadata-sync's alone, the tokens' secrets are the gateway's alone."""
    assert "acme-management" in _mounted_keys(dev, "metadata-sync") - _mounted_keys(dev, "gateway")
    assert "acme-session-token" in _mounted_keys(dev, "gateway") - _mounted_keys(dev, "metadata-sync")
    assert {key for key in _mounted_keys(dev, "proofing") if key.startswith("acme")} == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_referred_to(overlay: str) -> None:
    """Every secret comes from a generator or a store, or whoever installs is told to bring it."""
    manifests = render_overlay(overlay)
    made = {
        m["metadata"]["name"] for m in manifests if m["kind"] in {"Secret", "ConfigMap", "ServiceAccount"}
    }
    made |= {m["spec"]["target"]["name"] for m in manifests if m["kind"] == "ExternalSecret"}
    _, _, brought = (KUBERNETES / "README.md").read_text().partition("Not from that store: ")
    referred = set(references(manifests))
    assert {kind for kind, _ in referred} >= {"secret", "configMap", "serviceAccountName"}
    made |= set(re.findall(r"`(waystation-[a-z-]+)`", brought))
    assert {name for _, name in referred} - made == set()


@pytest.mark.parametrize(
    ("kind", "change", "mistake"),
    [
        ("Deployment", ("spec", "replica", 3), "replica"),
        ("Deployment", ("spec", "replicas", "three"), "replicas"),
        ("PodDisruptionBudget", ("apiVersion", "policy/v1beta1"), "has no policy/v1beta1"),
        ("Service", ("spec", "selector", {"app": "nobody"}), "selects no pod"),
        ("ServiceMonitor", ("spec", "selector", "matchLabels", {"app": "no"}), "selects no service"),
        ("HorizontalPodAutoscaler", ("spec", "maxReplicas", 1), "at least more than at most"),
        ("ScaledObject", ("spec", "maxReplicaCount", 1), "at least more than at most"),
        ("Deployment", ("spec", "template", "spec", "securityContext", {}), "runs as root"),
        ("Deployment", ("spec", "template", "spec", "hostNetwork", True), "shares the node's namespaces"),
        ("Deployment", ("spec", "template", "spec", "automountServiceAccountToken", True), "mounts a token"),
        ("ConfigMap", ("kind", "Secret"), "holds a secret"),
    ],
)
def test_planted_mistakes(prod: list[Manifest], kind: str, change: tuple[Any, ...], mistake: str) -> None:
    """Each is found and named."""
    looked_at = [manifest for manifest in prod if manifest["kind"] in {kind, "Deployment"}]
    assert mistake in "\n".join(mistakes(_changed(looked_at, kind, *change)))


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (("securityContext", {}), "may gain privileges"),
        (("securityContext", {}), "keeps capabilities"),
        (("securityContext", {}), "writes to its root"),
        (("resources", {}), "has no limit of memory"),
        (("resources", {}), "asks for no share"),
        (("image", "registry.example/waystation"), "without a version"),
        (("image", "waystation:latest"), "without a version"),
    ],
)
def test_planted_mistakes_of_containers(prod: list[Manifest], change: tuple[str, Any], mistake: str) -> None:
    """What a container must not be is found."""
    manifests = deepcopy([manifest for manifest in prod if manifest["kind"] == "Deployment"])
    container_of(manifests, "proofing")[change[0]] = change[1]
    assert mistake in "\n".join(mistakes(manifests))


def test_a_placeholder_is_not_deployed() -> None:
    """Production's image is yours to name: until then nothing is applied."""
    done = subprocess.run([KUBERNETES / "apply", "prod"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "name your own image in overlays/prod/kustomization.yaml" in done.stderr


def _mounted_keys(manifests: list[Manifest], service: str) -> set[str]:
    """The names of all files in the secrets that the service's pod mounts."""
    secrets = {m["metadata"]["name"]: set(m.get("data", {})) for m in manifests if m["kind"] == "Secret"}
    pod = pod_of(manifests, service)
    names: list[str] = []
    for volume in pod["spec"]["volumes"]:
        if "secret" in volume:
            names.append(volume["secret"]["secretName"])
        names += [source["secret"]["name"] for source in volume.get("projected", {}).get("sources", [])]
    return set[str]().union(*(secrets[name] for name in names))


def _changed(manifests: list[Manifest], kind: str, *change: Any) -> list[Manifest]:
    """A copy in which the first object of the kind has another value at a path."""
    *path, last, value = change
    copies = deepcopy(manifests)
    place: Any = next(manifest for manifest in copies if manifest["kind"] == kind)
    for part in path:
        place = place[part]
    place[last] = value
    return copies
