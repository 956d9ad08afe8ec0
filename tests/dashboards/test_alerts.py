"""Every alert fires for what it is about, and not for anything less; promtool judges those on metrics."""

from pathlib import Path

import pytest
import yaml

from deploy.dashboards.source.alerts_on_logs import ON_LOGS
from deploy.dashboards.source.alerts_on_metrics import ON_METRICS
from deploy.dashboards.source.model import Alert
from tests.dashboards.cases import LOG_CASES, METRIC_CASES, LogCase, MetricCase
from tests.support import prometheus
from tests.support.logql.evaluate import evaluate
from tests.support.logql.parser import parse_metric
from tests.support.run_folder import ROOT

_RULES = ROOT / "deploy" / "dashboards" / "prometheus" / "alerts.yaml"

needs_prometheus = pytest.mark.skipif(
    not prometheus.is_installed(), reason="Prometheus is not installed (Debian: apt-get install prometheus)"
)


def test_every_alert_has_its_cases() -> None:
    """One in which it fires and one in which it does not."""
    assert [alert.name for alert in ON_METRICS] == [case.alert for case in METRIC_CASES]
    assert [alert.name for alert in ON_LOGS] == [case.alert for case in LOG_CASES]


@needs_prometheus
def test_rules_and_configuration() -> None:
    """Prometheus takes the rules, and what docker compose gives it."""
    for kind, file in (("rules", _RULES), ("config", _RULES.with_name("prometheus.yaml"))):
        done = prometheus.promtool("check", kind, file)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_alerts_on_metrics(tmp_path: Path) -> None:
    """Each fires once its series have been beyond the limit for long enough, and not for those within it."""
    tests = [test for case in METRIC_CASES for test in _promtool_tests(case)]
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(_RULES)], "tests": tests}))
    done = prometheus.promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def _promtool_tests(case: MetricCase) -> list[dict[str, object]]:
    (alert,) = [alert for alert in ON_METRICS if alert.name == case.alert]
    fired: dict[str, object] = {
        "exp_labels": {"severity": alert.severity, **case.labels},
        "exp_annotations": {"summary": case.says, "runbook": alert.runbook_place},
    }
    return [
        _promtool_test(alert, case.fires, when=case.when, expected=[fired]),
        _promtool_test(alert, case.fires, when="0m", expected=[]),
        _promtool_test(alert, case.silent, when=case.when, expected=[]),
    ]


def _promtool_test(
    alert: Alert, series: dict[str, str], *, when: str, expected: list[dict[str, object]]
) -> dict[str, object]:
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": when, "alertname": alert.name, "exp_alerts": expected}],
    }


@pytest.mark.parametrize("case", LOG_CASES, ids=lambda case: case.alert)
def test_alerts_on_logs(case: LogCase) -> None:
    """Each fires for its lines, with the labels that its sentence needs, and not for fewer or others."""
    (alert,) = [alert for alert in ON_LOGS if alert.name == case.alert]
    query = parse_metric(alert.expr)
    fired = evaluate(query, case.lines(case.fires), now=case.now)
    assert [dict(labels) for labels in fired] == [dict(case.labels)]
    assert evaluate(query, case.lines(case.silent), now=case.now) == {}
    assert evaluate(query, case.lines(case.fires), now=case.now + 301) == {}
