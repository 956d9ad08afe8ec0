"""What a query may name: events and fields of the log catalogues, families and labels of the metrics."""

from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser

from common.log_catalogue import ALWAYS, CONTEXT, EXCEPTION
from common.log_contract import Event
from deploy.dashboards.source.__main__ import BOARDS
from deploy.dashboards.source.alerts import ALERTS
from deploy.dashboards.source.model import Source
from tests.support.log_contract import CATALOGUES
from tests.support.logql.parser import parse
from tests.support.logql.syntax import Json, LabelFilter, Matcher, Pipeline, pipelines

EVERYWHERE = frozenset(field.name for field in (*ALWAYS, *CONTEXT, *EXCEPTION))

# What Grafana puts in its variables' place, here for a while that holds everything that a test does.
_FILLED = {"$__auto": "1h", "$__range": "1h", "$__rate_interval": "15m", "$tenant": ".*"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One query of a panel or an alert."""

    place: str
    source: Source
    expr: str

    def __str__(self) -> str:
        return self.place


def filled(expr: str) -> str:
    """The query as Grafana sends it."""
    for variable, value in _FILLED.items():
        expr = expr.replace(variable, value)
    return expr


def asked(source: Source) -> list[Asked]:
    """Every query of every panel, and what every alert watches, beginning with the panels."""
    of_panels = [
        Asked(
            place=f"{board.name}: {panel.title}, {number}",
            source=query.source,
            expr=filled(query.expr),
        )
        for board in BOARDS
        for panel in board.panels()
        for number, query in enumerate(panel.queries, start=1)
    ]
    of_alerts = [Asked(place=alert.name, source=alert.source, expr=alert.value) for alert in ALERTS]
    return [one for one in (*of_panels, *of_alerts) if one.source is source]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What one pipeline of a LogQL query wants: of which services, which events, with which fields."""

    services: frozenset[str]
    events: frozenset[str]
    fields: frozenset[str]


def wanted_of_logs(expr: str) -> Iterator[Wanted]:
    for pipeline, around in pipelines(parse(expr)):
        matchers = list(_matchers(pipeline))
        services = frozenset(matcher.name for matcher in pipeline.selector)
        assert services == {"service_name"}, "a stream is chosen by its service alone"
        yield Wanted(
            services=_values(pipeline.selector, "service_name"),
            events=_values(matchers, "event"),
            fields=around.union((matcher.name for matcher in matchers), _named(pipeline)),
        )


def complaints(wanted: Wanted) -> Iterator[str]:
    """What of it no catalogue has."""
    known = {name: event for service in wanted.services for name, event in _events(service).items()}
    yield from (f"there is no event {name}" for name in wanted.events - known.keys())
    own = [frozenset(known[name].field_names) for name in wanted.events & known.keys()]
    common = frozenset.intersection(*own) if own else frozenset[str]()
    yield from (f"not every line has {name}" for name in wanted.fields - EVERYWHERE - common)


def _events(service: str) -> dict[str, Event]:
    return {event.name: event for event in CATALOGUES[service]}


def _matchers(pipeline: Pipeline) -> Iterator[Matcher]:
    for stage in pipeline.stages:
        if isinstance(stage, LabelFilter):
            yield from stage.any_of


def _named(pipeline: Pipeline) -> Iterator[str]:
    for stage in pipeline.stages:
        if isinstance(stage, Json):
            yield from (key for _, key in stage.named)


def _values(matchers: list[Matcher] | tuple[Matcher, ...], name: str) -> frozenset[str]:
    """The values that these matchers let through, which must be listed ones."""
    found: set[str] = set()
    for matcher in matchers:
        if matcher.name == name:
            assert isinstance(matcher.value, str)
            assert matcher.op in {"=", "=~"}, "who and what is wanted is said, not who is not"
            found |= set(matcher.value.split("|"))
    return frozenset(found)


def selectors(expr: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Each metric that a PromQL query names, with the labels that it is chosen by."""
    found: list[tuple[str, frozenset[str]]] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            labels = frozenset(matcher.name for matcher in node.matchers.matchers)
            found.append((node.name or "", labels))

    promql_parser.walk(promql_parser.parse(expr), visit)
    yield from found


def grouped_by(expr: str) -> frozenset[str]:
    """The labels by which a PromQL query groups."""
    found: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            found.update(node.modifier.labels)

    promql_parser.walk(promql_parser.parse(expr), visit)
    return frozenset(found)
