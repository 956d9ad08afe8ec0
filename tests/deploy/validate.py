"""`python -m tests.deploy.validate`: every overlay against the schemas of Kubernetes and our policies.

A kind without a schema is a mistake unless it is one of the extensions that a component says it needs.
"""

import sys
from collections.abc import Collection, Iterator

import kubernetes_validate

from tests.deploy.manifests import OVERLAYS, Manifest, named, render_overlay
from tests.deploy.policies import breaches

# `preStop.sleep` is on by default since 1.30; the newest is the newest that the schemas have.
VERSIONS = ("1.30", "1.37")
EXTENSIONS = frozenset(
    {
        "ScaledObject",
        "TriggerAuthentication",
        "ServiceMonitor",
        "PrometheusRule",
        "ExternalSecret",
        "Cluster",
        "RabbitmqCluster",
    }
)


def mistakes(manifests: Collection[Manifest]) -> Iterator[str]:
    """One line for each object that is no such object, and for each policy that is broken."""
    for manifest in manifests:
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.SchemaNotFoundError:
                if manifest["kind"] not in EXTENSIONS:
                    yield f"{named(manifest)}: Kubernetes {version} has no {manifest['apiVersion']}"
            except kubernetes_validate.ValidationError as exc:
                where = ".".join(str(part) for part in exc.path)
                yield f"{named(manifest)}, Kubernetes {version}: {where}: {exc.message}"
    yield from breaches(manifests)


def main() -> int:
    """Print what is wrong, by overlay; 1 if anything is."""
    found = [
        f"overlays/{overlay}: {mistake}"
        for overlay in OVERLAYS
        for mistake in mistakes(render_overlay(overlay))
    ]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
