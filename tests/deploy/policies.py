"""What every object that we deploy must be, beyond having the right form: one rule a function.

The pod rules are Kubernetes' profile `restricted` (Pod Security Standards) and what it leaves open.
"""

from collections.abc import Collection, Iterator

from tests.deploy.manifests import Manifest, named, pods

_NEEDS_A_WRITABLE_ROOT = ("StatefulSet/postgres", "StatefulSet/rabbitmq")  # of a developer's cluster


def breaches(manifests: Collection[Manifest]) -> list[str]:
    """One sentence for each rule that is broken."""
    return [
        *(breach for name, pod in pods(manifests) for breach in _pod_breaches(name, pod)),
        *_written_secrets(manifests),
        *_empty_selectors(manifests),
        *_impossible_numbers(manifests),
    ]


def _pod_breaches(name: str, pod: Manifest) -> Iterator[str]:
    spec = pod["spec"]
    context = spec.get("securityContext", {})
    rules = {
        "runs as root": context.get("runAsNonRoot") is True and context.get("runAsUser", 0) > 0,
        "has no seccomp profile": context.get("seccompProfile") == {"type": "RuntimeDefault"},
        "mounts a token of the cluster": spec.get("automountServiceAccountToken") is False,
        "is told of every service": spec.get("enableServiceLinks") is False,
        "shares the node's namespaces": not {"hostNetwork", "hostPID", "hostIPC"} & set(spec),
        "mounts a folder of the node": not any("hostPath" in volume for volume in spec.get("volumes", [])),
    }
    yield from (f"{name} {breach}" for breach, kept in rules.items() if not kept)
    for container in (*spec.get("initContainers", []), *spec["containers"]):
        yield from _container_breaches(name, container)


def _container_breaches(name: str, container: Manifest) -> Iterator[str]:
    context, resources = container.get("securityContext", {}), container.get("resources", {})
    image = container["image"]
    rules = {
        "may gain privileges": context.get("allowPrivilegeEscalation") is False,
        "keeps capabilities": context.get("capabilities", {}).get("drop") == ["ALL"],
        "writes to its root": context.get("readOnlyRootFilesystem") is True or name in _NEEDS_A_WRITABLE_ROOT,
        "has no limit of memory": "memory" in resources.get("limits", {}),
        "asks for no share": {"cpu", "memory"} <= set(resources.get("requests", {})),
        "has an image without a version": "@" in image or image.rpartition(":")[2] not in {"latest", image},
        "has a password in its environment": not any(
            "secretKeyRef" in entry.get("valueFrom", {}) for entry in container.get("env", [])
        ),
    }
    yield from (f"{name} {breach}" for breach, kept in rules.items() if not kept)


def _written_secrets(manifests: Collection[Manifest]) -> Iterator[str]:
    """Only what a developer's own machine made may be in a manifest."""
    for manifest in manifests:
        if manifest["kind"] == "Secret" and manifest["metadata"].get("namespace") != "waystation-dev":
            yield f"{named(manifest)} holds a secret"


def _empty_selectors(manifests: Collection[Manifest]) -> Iterator[str]:
    of_pods = [pod["metadata"]["labels"] for _, pod in pods(manifests)]
    of_services = [m["metadata"].get("labels", {}) for m in manifests if m["kind"] == "Service"]
    for manifest in manifests:
        if manifest["kind"] not in {"Service", "PodDisruptionBudget", "ServiceMonitor"}:
            continue
        selector = manifest["spec"]["selector"]
        wanted = (selector if manifest["kind"] == "Service" else selector["matchLabels"]).items()
        what, labels = ("service", of_services) if manifest["kind"] == "ServiceMonitor" else ("pod", of_pods)
        if not any(wanted <= found.items() for found in labels):
            yield f"{named(manifest)} selects no {what}"


def _impossible_numbers(manifests: Collection[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        spec = manifest.get("spec", {})
        bounds = {
            "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
            "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
        }.get(manifest["kind"])
        if bounds and spec[bounds[0]] > spec[bounds[1]]:
            yield f"{named(manifest)} wants at least more than at most"
