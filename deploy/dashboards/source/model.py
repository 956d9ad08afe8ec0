"""What a dashboard and an alert are made of, before they are Grafana's or Prometheus's."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """Where a query is asked: the name of the variable that chooses the data source in Grafana."""

    LOGS = "logs"
    METRICS = "metrics"


class Look(StrEnum):
    GRAPH = "graph"
    BARS = "bars"
    NUMBER = "number"
    TABLE = "table"
    LINES = "lines"


@dataclass(frozen=True, kw_only=True)
class Query:
    """LogQL or PromQL; `legend` names each series by its labels, as in `{{step}}`."""

    source: Source
    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture; `tells` is the sentence behind its title, `unit` one of Grafana's, `width` of 24."""

    title: str
    tells: str
    look: Look
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 12

    @property
    def source(self) -> Source:
        """Of all its queries: there is no panel that mixes sources."""
        (source,) = {query.source for query in self.queries}
        return source


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard; `name` is its file's, and part of its address in Grafana."""

    name: str
    title: str
    tells: str
    sections: tuple[Section, ...]

    def panels(self) -> Iterator[Panel]:
        for section in self.sections:
            yield from section.panels


@dataclass(frozen=True, kw_only=True)
class Alert:
    """Fires when `value` has been beyond its limit for `lasting`.

    Attributes:
        value: what is watched; it says nothing of when to fire, and can be asked at any time.
        limit: the comparison, such as `> 10`.
        severity: `page` where people cannot log in or soon will not, `ticket` otherwise.
        says: a sentence, with the labels of the series as `{{ $labels.tenant }}`.
        runbook: the heading in docs/operations.md that says what to do.
    """

    name: str
    source: Source
    value: str
    limit: str
    lasting: str
    severity: str
    says: str
    runbook: str

    @property
    def expr(self) -> str:
        return f"{self.value} {self.limit}"

    @property
    def runbook_place(self) -> str:
        return f"docs/operations.md#{self.runbook.lower().replace(' ', '-')}"
