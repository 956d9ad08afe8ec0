"""What a LogQL query is made of, as far as the dashboards and alerts use it.

```
sum by (step) (count_over_time({service_name="gateway"} |= `step.` | json | event="step.concluded" [5m]))
```
A pipeline picks streams by their labels and lines by their stages; a range aggregation makes numbers of the
lines of a while; vector aggregations and arithmetic make other numbers of these.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """`name op value`: of texts `= != =~ !~`, of numbers `== != > >= < <=`."""

    name: str
    op: str
    value: str | float


@dataclass(frozen=True, kw_only=True)
class LineFilter:
    """What a line holds (`|=`, `|~`) or not (`!=`, `!~`)."""

    op: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Json:
    """Labels from the line: all of its plain values, or those that are named as `label="key"`."""

    named: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class LabelFilter:
    """Lines of which one of these is true."""

    any_of: tuple[Matcher, ...]


Stage: TypeAlias = LineFilter | Json | LabelFilter


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    selector: tuple[Matcher, ...]
    stages: tuple[Stage, ...]


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """`by` or `without` these labels."""

    by: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RangeAggregation:
    """`op(parameter, pipeline | unwrap label [seconds]) grouping`."""

    op: str
    pipeline: Pipeline
    seconds: float
    unwrap: str | None = None
    parameter: float | None = None
    grouping: Grouping | None = None


@dataclass(frozen=True, kw_only=True)
class VectorAggregation:
    op: str
    inner: "Metric"
    parameter: float | None = None
    grouping: Grouping | None = None


@dataclass(frozen=True, kw_only=True)
class Binary:
    op: str
    left: "Metric"
    right: "Metric"


@dataclass(frozen=True)
class Number:
    """A number; `vector(…)` makes a series of it that has no labels."""

    value: float
    is_vector: bool = False


Metric: TypeAlias = RangeAggregation | VectorAggregation | Binary | Number
Query: TypeAlias = Pipeline | Metric


def pipelines(query: Query) -> Iterator[tuple[Pipeline, frozenset[str]]]:
    """Every pipeline of a query, with the labels that the rest of the query wants of its lines."""
    match query:
        case Pipeline():
            yield query, frozenset()
        case RangeAggregation():
            wanted = {query.unwrap} if query.unwrap else set()
            yield query.pipeline, frozenset(wanted | _labels(query.grouping))
        case VectorAggregation():
            for pipeline, wanted_inside in pipelines(query.inner):
                yield pipeline, wanted_inside | _labels(query.grouping)
        case Binary():
            yield from pipelines(query.left)
            yield from pipelines(query.right)
        case Number():
            return


def _labels(grouping: Grouping | None) -> frozenset[str]:
    return frozenset(grouping.labels if grouping else ())
