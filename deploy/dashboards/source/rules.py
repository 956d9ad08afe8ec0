"""Alerts as rule files: the same groups for Prometheus, for the Prometheus operator and for Loki's ruler."""

from collections.abc import Iterable
from typing import Any

import yaml

from deploy.dashboards.source.model import Alert

_HEAD = "# Made from deploy/dashboards/source/alerts_on_*.py by ./dev dashboards; tests compare.\n"


def rule_file(alerts: Iterable[Alert]) -> str:
    """What Prometheus and Loki read."""
    return _HEAD + _yaml({"groups": [_group(alerts)]})


def operator_rules(alerts: Iterable[Alert]) -> str:
    """The same for the Prometheus operator."""
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "waystation"},
        "spec": {"groups": [_group(alerts)]},
    }
    return _HEAD + _yaml(manifest)


def _group(alerts: Iterable[Alert]) -> dict[str, Any]:
    return {"name": "waystation", "rules": [_rule(alert) for alert in alerts]}


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.lasting,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.says, "runbook": alert.runbook_place},
    }


def _yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, width=1000)
    return text
