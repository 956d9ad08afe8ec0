"""Dashboards and alerts name what there is, and what is committed is what their source makes."""

import json
import re

import pytest
from prometheus_client.metrics import MetricWrapperBase

import common.metrics
import gateway.metrics
import metadata_sync.metrics
import proofing.metrics
from deploy.dashboards.source.__main__ import BOARDS, made, stale
from deploy.dashboards.source.alerts import ALERTS
from deploy.dashboards.source.model import Source
from tests.dashboards.names import Asked, asked, complaints, grouped_by, selectors, wanted_of_logs
from tests.support.run_folder import ROOT

# Of the client library, of Prometheus itself, and of the broker; those of the broker were seen on a real one.
_FOREIGN = {
    "up": {"service_name", "instance"},
    "process_resident_memory_bytes": {"service_name"},
    "process_cpu_seconds_total": {"service_name"},
    "rabbitmq_detailed_queue_messages": {"queue"},
    "rabbitmq_detailed_queue_messages_ready": {"queue"},
    "rabbitmq_detailed_queue_messages_unacked": {"queue"},
    "rabbitmq_detailed_queue_consumers": {"queue"},
    "rabbitmq_connections": set[str](),
    "rabbitmq_channels": set[str](),
    "rabbitmq_alarms_memory_used_watermark": set[str](),
    "rabbitmq_alarms_free_disk_space_watermark": set[str](),
}

_ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


def known_metrics() -> dict[str, set[str]]:
    """Every series that our processes expose, with its labels and that of who exposes it."""
    modules = (common.metrics, gateway.metrics, proofing.metrics, metadata_sync.metrics)
    ours = [value for module in modules for value in vars(module).values()]
    found = dict(_FOREIGN)
    for metric in ours:
        if isinstance(metric, MetricWrapperBase):
            for family in metric.describe():
                for ending in _ENDINGS.get(family.type, ("",)):
                    found[f"{family.name}{ending}"] = {*metric._labelnames, "service_name", "le"}
    return found


@pytest.mark.parametrize("query", asked(Source.LOGS), ids=str)
def test_log_queries(query: Asked) -> None:
    """Each names events of the services it asks, and fields that every line of these events has."""
    assert [complaint for wanted in wanted_of_logs(query.expr) for complaint in complaints(wanted)] == []


@pytest.mark.parametrize("query", asked(Source.METRICS), ids=str)
def test_metric_queries(query: Asked) -> None:
    """Each names metrics that there are, and chooses and groups them by labels that they have."""
    known = known_metrics()
    found = list(selectors(query.expr))
    assert [name for name, labels in found if name not in known or labels - known[name]] == []
    assert grouped_by(query.expr) <= set[str]().union(*(known[name] for name, _ in found))


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ('count_over_time({service_name="gateway"} | json | event="login.lost" [1m])', "no event login.lost"),
        (
            'count_over_time({service_name="proofing"} | json | event="login.opened" [1m])',
            "no event login.opened",
        ),
        (
            'sum by (step) (rate({service_name="gateway"} | json | event="login.opened" [1m]))',
            "line has step",
        ),
        ('{service_name="gateway"} | json | event="login.opened" | steps!=""', ""),
        (
            '{service_name="gateway"} | json | event=~"login.opened|login.expired" | status!=""',
            "line has status",
        ),
        ('{service_name="gateway"} | json | limit="user"', "line has limit"),
        ('{service_name="gateway"} | json | severity="ERROR"', ""),
    ],
)
def test_what_would_be_found(query: str, complaint: str) -> None:
    """A name that is in no catalogue is found, and so is a field that not each of the events has."""
    told = " ".join(one for wanted in wanted_of_logs(query) for one in complaints(wanted))
    assert complaint in told
    assert bool(complaint) is bool(told)


def test_what_is_committed() -> None:
    """Each file is what its source makes."""
    assert stale() == []


def test_every_panel() -> None:
    """Each has a title of its own on its board, a sentence, and data from one source."""
    for board in BOARDS:
        titles = [panel.title for panel in board.panels()]
        assert len(titles) == len(set(titles)), board.name
        for panel in board.panels():
            assert panel.tells.endswith("."), panel.title
            assert panel.source in Source
            assert len(panel.queries) <= 8


def test_boards_as_grafana_reads_them() -> None:
    """Each has an address of its own; panels have different numbers and know which source they ask."""
    files = [json.loads(text) for path, text in made() if path.suffix == ".json"]
    assert [board["uid"] for board in files] == [f"waystation-{board.name}" for board in BOARDS]
    for board in files:
        assert [one["name"] for one in board["templating"]["list"]] == ["logs", "metrics", "tenant"]
        numbers = [panel["id"] for panel in board["panels"]]
        assert numbers == sorted(set(numbers))
        sources = {panel["datasource"]["uid"] for panel in board["panels"] if panel["type"] != "row"}
        assert sources <= {"${logs}", "${metrics}"}


def test_every_alert_has_its_runbook() -> None:
    """It is a heading of the page of operations."""
    text = (ROOT / "docs" / "operations.md").read_text()
    headings = set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    assert [alert.name for alert in ALERTS if alert.runbook not in headings] == []


def test_alerts() -> None:
    """Each has a name of its own, one of two severities, and says labels that its query has."""
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert alert.severity in {"page", "ticket"}, alert.name
        for label in re.findall(r"\$labels\.(\w+)", alert.says):
            assert re.search(rf"by \([^)]*\b{label}\b", alert.value), f"{alert.name}: {label}"
