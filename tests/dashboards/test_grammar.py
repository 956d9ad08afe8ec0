"""Grafana's own parser of LogQL takes every query, so that ours is not the only one that does."""

import json
import subprocess
from pathlib import Path

import pytest

from deploy.dashboards.source.alerts_on_logs import ON_LOGS
from deploy.dashboards.source.model import Source
from tests.dashboards.names import asked
from tests.support.node import NODE
from tests.support.processes import base_environment
from tests.tenant.clients.node_packages import installed_packages

_HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def packages() -> Path:
    """The `node_modules` folder with that parser."""
    return installed_packages(_HERE)


def errors(queries: list[str], packages: Path) -> list[list[int]]:
    """For each query the places at which the parser stumbles."""
    done = subprocess.run(
        [NODE, _HERE / "logql.mjs"],
        input=json.dumps(queries),
        env={**base_environment(), "PACKAGES": str(packages)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[list[int]] = json.loads(done.stdout)
    return found


def test_every_query(packages: Path) -> None:
    """No panel's and no alert's query has an error."""
    queries = [query.expr for query in asked(Source.LOGS)] + [alert.expr for alert in ON_LOGS]
    told = errors(queries, packages)
    assert [query for query, places in zip(queries, told, strict=True) if places] == []


def test_what_is_no_query(packages: Path) -> None:
    """An error would be found, and where it is."""
    assert errors(['{a="b"} | json | | c="d"', 'sum by (a (rate({a="b"} [1m]))'], packages) == [[17], [10]]
