"""Every panel and every alert shows data for what really happened to one stack.

What ran is asked: log queries of the lines that its processes wrote, metric queries of a Prometheus that
scraped them. Nothing here is compared with a picture: Grafana itself cannot be had.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from common.log_catalogue import ALWAYS
from deploy.dashboards.source.model import Source
from tests.dashboards.deeds import EventfulStack, everything
from tests.dashboards.names import Asked, asked
from tests.journeys.stacks import RunningServers
from tests.journeys.world import open_world
from tests.support import prometheus
from tests.support.databases import Databases
from tests.support.logql.evaluate import evaluate
from tests.support.logql.lines import Line, remaining
from tests.support.logql.parser import parse
from tests.support.logql.syntax import Pipeline
from tests.support.prometheus import Prometheus, Target
from tests.support.rabbitmq import RabbitMQ
from tests.support.run_folder import ROOT
from tests.support.secret_folder import SecretFolder
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import block_until, run_alone

# The stack and all that happens to it belong to the first test's time.
pytestmark = pytest.mark.timeout(300)

_LABELS = [field.name for field in ALWAYS if field.label]
_SCRAPES = 2

# What would harm everything else that happens. Tests of other folders bring it about: of the lines that the
# page of log events keeps from there, these alerts are asked too.
_ELSEWHERE = {
    "WaystationUnforeseen",
    "WaystationKeySetUnavailable",
    "WaystationMailsDoNotGoOut",
    "WaystationDataDoesNotOpen",
    "WaystationPasswordCallRefused",
    "WaystationDatabaseAway",
    "WaystationNotConfirmed",
}
_KEPT = ROOT / "tests" / "docs" / "log_examples.jsonl"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is left of a stack to which everything has happened, at the moment before it ended."""

    lines: list[Line]
    metrics: Prometheus
    moment: float


@pytest.fixture(scope="module")
def watched(
    databases: Databases, migrated_template: str, rabbitmq: RabbitMQ, server_secrets: SecretFolder
) -> Iterator[Watched]:
    """A stack and a Prometheus beside it; they stay until the tests of this file are done."""
    if not prometheus.is_installed():
        pytest.skip("Prometheus is not installed (Debian: apt-get install prometheus)")
    if rabbitmq.metrics_port is None:
        pytest.skip("the running broker has no metrics: start it anew with ./dev up --only servers")
    servers = RunningServers(
        databases=databases, template=migrated_template, rabbitmq=rabbitmq, locks=server_secrets.path
    )
    with servers.unstarted("dashboards", of=EventfulStack) as stack:
        stack.start()
        metrics = Prometheus.start(stack.folder, _targets(stack, rabbitmq.metrics_port))
        _await_scrapes(metrics)
        run_alone(_live(stack))
        _await_scrapes(metrics)
        moment = time.time()
        stack.stop()
        yield Watched(lines=_lines(stack.folder.logs), metrics=metrics, moment=moment)


async def _live(stack: Stack) -> None:
    async with open_world(stack) as world:
        await everything(world, stack)
        await world.tenant.heal()


def _targets(stack: Stack, metrics_port: int) -> list[Target]:
    broker = f"127.0.0.1:{metrics_port}"
    families = ["queue_coarse_metrics", "queue_consumer_count"]
    parameters = {"family": families, "vhost": [stack.amqp.name]}
    return [
        *(Target(service=service, address=urlsplit(stack.admin[service]).netloc) for service in SERVICES),
        Target(service="rabbitmq", address=broker),
        Target(service="rabbitmq", address=broker, path="/metrics/detailed", parameters=parameters),
    ]


def _await_scrapes(metrics: Prometheus) -> None:
    """What is now has been seen some times by Prometheus."""
    before = metrics.scraped()

    def seen() -> bool:
        now = metrics.scraped()
        return len(now) == len(SERVICES) + 1 and all(
            now[service] >= before.get(service, 0) + _SCRAPES for service in now
        )

    block_until(seen, 60.0, what="Prometheus to look")


def _lines(logs: Path) -> list[Line]:
    """What all services' processes wrote, as the log shipper hands it on."""
    texts = [text for file in logs.glob("*.log") for text in file.read_text().splitlines()]
    return [_shipped(text) for text in texts if text.startswith('{"timestamp"')]


def _kept(moment: float) -> list[Line]:
    """A line of each event, as if it had been written at that moment."""
    texts = [json.dumps(json.loads(kept)["line"]) for kept in _KEPT.read_text().splitlines()]
    return [replace(_shipped(text), time=moment) for text in texts]


def _shipped(text: str) -> Line:
    fields = json.loads(text)
    return Line(
        time=datetime.fromisoformat(fields["timestamp"]).timestamp(),
        labels={name: fields[name] for name in _LABELS},
        text=text,
    )


@pytest.mark.parametrize("query", asked(Source.LOGS), ids=str)
def test_log_queries_show_data(watched: Watched, query: Asked) -> None:
    """There are lines, or a number that is one, for each log query."""
    parsed = parse(query.expr)
    lines = _kept(watched.moment) if query.place in _ELSEWHERE else watched.lines
    if isinstance(parsed, Pipeline):
        assert list(remaining(parsed, lines)) != []
    else:
        series = evaluate(parsed, lines, now=watched.moment)
        assert [value for value in series.values() if not math.isnan(value)] != []


@pytest.mark.parametrize("query", asked(Source.METRICS), ids=str)
def test_metric_queries_show_data(watched: Watched, query: Asked) -> None:
    """There is a number that is one for each metric query."""
    series = watched.metrics.query(query.expr, at=watched.moment)
    assert [value for value in series.values() if not math.isnan(value)] != []
