"""The manifests of deploy/kubernetes, as `kubectl kustomize` renders them."""

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from tests.support.run_folder import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("dev", "staging", "prod", "operators")
COMPONENTS = ("network-policies", "keda", "monitoring", "ingress", "external-secrets", "traces", "dev-infra")

Manifest: TypeAlias = Mapping[str, Any]

KUBECTL = Path(sys.prefix) / "bin" / "kubectl"


class RenderError(Exception):
    """kubectl did not render it; the text is its own."""


def render(folder: Path) -> list[Manifest]:
    """Every object of a kustomization.

    Raises:
        RenderError: it does not build.
    """
    done = subprocess.run(
        [KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise RenderError(done.stderr.strip())
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def render_overlay(name: str) -> list[Manifest]:
    """An overlay; what `dev` must not have in the repository is made first."""
    if name == "dev":
        make_dev_secrets()
    return render(KUBERNETES / "overlays" / name)


def render_with(components: Collection[str], *, folder: Path) -> list[Manifest]:
    """The base with these components and nothing else, by way of an empty `folder`."""

    def relative(path: Path) -> str:
        return os.path.relpath(path.resolve(), folder.resolve())

    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [relative(KUBERNETES / "base")],
        "components": [relative(KUBERNETES / "components" / name) for name in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return render(folder)


def make_dev_secrets() -> None:
    subprocess.run([KUBERNETES / "make-dev-secrets"], check=True, capture_output=True, timeout=60)


def named(manifest: Manifest) -> str:
    """`Kind/name`."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def pods(manifests: Collection[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The pod template of each workload, with the workload's name."""
    for manifest in manifests:
        if "template" in (spec := manifest.get("spec", {})) and "containers" in spec["template"].get(
            "spec", {}
        ):
            yield named(manifest), spec["template"]


def one(manifests: Collection[Manifest], name: str) -> Manifest:
    """The object with that `Kind/name`."""
    (found,) = [manifest for manifest in manifests if named(manifest) == name]
    return found


def pod_of(manifests: Collection[Manifest], service: str) -> Manifest:
    """The pod template whose container has that name."""
    (pod,) = [pod for _, pod in pods(manifests) if pod["spec"]["containers"][0]["name"] == service]
    return pod


def container_of(manifests: Collection[Manifest], service: str) -> dict[str, Any]:
    container: dict[str, Any] = pod_of(manifests, service)["spec"]["containers"][0]
    return container


def references(place: Any) -> Iterator[tuple[str, str]]:
    """Every mention of a secret, config map or service account, as (how it is mentioned, name)."""
    if isinstance(place, Mapping):
        for key, value in place.items():
            if key in {"secretName", "serviceAccountName"}:
                yield key, value
            elif key in {"secret", "configMap", "configMapRef", "passwordSecret"} and "name" in value:
                yield key, value["name"]
            elif key == "secretTargetRef":
                yield from ((key, target["name"]) for target in value)
            else:
                yield from references(value)
    elif isinstance(place, list):
        for one_of_them in place:
            yield from references(one_of_them)
