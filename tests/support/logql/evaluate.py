"""The numbers of a query at one moment, as Loki's instant query tells them."""

import math
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from tests.support.logql.lines import Line, number_of, remaining
from tests.support.logql.syntax import (
    Binary,
    Grouping,
    Metric,
    Number,
    RangeAggregation,
    VectorAggregation,
)
from tests.support.logql.tokens import LogQLError

Labels: TypeAlias = frozenset[tuple[str, str]]
Vector: TypeAlias = dict[Labels, float]
NO_LABELS: Labels = frozenset()

_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan,
}
_COMPARISON: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_OF_GROUP: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": math.fsum,
    "min": min,
    "max": max,
    "avg": lambda values: math.fsum(values) / len(values),
    "count": len,
}


def evaluate(query: Metric, lines: Sequence[Line], *, now: float) -> Vector:
    """Every series that there is at `now`, with its value.

    Raises:
        LogQLError: two series would have the same labels, or a number alone was asked for.
    """
    match query:
        case RangeAggregation():
            return _over_time(query, lines, now=now)
        case VectorAggregation():
            return _aggregated(query, evaluate(query.inner, lines, now=now))
        case Number(value=value, is_vector=True):
            return {NO_LABELS: value}
        case Binary():
            return _combined(query, lines, now=now)
        case Number():
            raise LogQLError("a number alone is no series")


def _over_time(query: RangeAggregation, lines: Iterable[Line], *, now: float) -> Vector:
    within = [line for line in lines if now - query.seconds < line.time <= now]
    groups: dict[Labels, list[float]] = defaultdict(list)
    for line in remaining(query.pipeline, within):
        labels = {name: value for name, value in line.labels.items() if value}
        value = 1.0
        if query.unwrap is not None:
            text = labels.pop(query.unwrap, "")
            if not text:
                continue
            value = _unwrapped(query.unwrap, text)
        groups[_kept(labels, query.grouping)].append(value)
    return {labels: _number_of_group(query, values) for labels, values in groups.items()}


def _unwrapped(label: str, text: str) -> float:
    number = number_of(text)
    if number is None:
        raise LogQLError(f"{label} is no number: {text!r}")
    return number


def _number_of_group(query: RangeAggregation, values: list[float]) -> float:
    match query.op:
        case "rate":
            return math.fsum(values) / query.seconds
        case "count_over_time" | "sum_over_time":
            return math.fsum(values)
        case "quantile_over_time":
            return quantile(query.parameter or 0.0, values)
        case op:
            return _OF_GROUP[op.removesuffix("_over_time")](values)


def quantile(share: float, values: Sequence[float]) -> float:
    """Between the two nearest ranks, in proportion."""
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def _aggregated(query: VectorAggregation, inner: Vector) -> Vector:
    if query.op == "topk":
        largest = sorted(inner.items(), key=lambda item: -item[1])
        return dict(largest[: int(query.parameter or 0)])
    groups: dict[Labels, list[float]] = defaultdict(list)
    for labels, value in inner.items():
        # Without any grouping everything is one group.
        groups[_kept(dict(labels), query.grouping or Grouping(by=True, labels=()))].append(value)
    return {labels: float(_OF_GROUP[query.op](values)) for labels, values in groups.items()}


def _kept(labels: Mapping[str, str], grouping: Grouping | None) -> Labels:
    if grouping is None:
        return frozenset(labels.items())
    return frozenset(
        (name, value) for name, value in labels.items() if (name in grouping.labels) is grouping.by
    )


def _combined(query: Binary, lines: Sequence[Line], *, now: float) -> Vector:
    match query:
        case Binary(op="or"):
            return evaluate(query.right, lines, now=now) | evaluate(query.left, lines, now=now)
        case Binary(left=left, right=Number(value=value, is_vector=False)):
            return _with_number(query.op, evaluate(left, lines, now=now), value)
        case Binary(left=Number(value=value, is_vector=False), right=right) if query.op in _ARITHMETIC:
            of = _ARITHMETIC[query.op]
            return {labels: of(value, number) for labels, number in evaluate(right, lines, now=now).items()}
        case _:
            both = [evaluate(side, lines, now=now) for side in (query.left, query.right)]
            return _together(query.op, both[0], both[1])


def _with_number(op: str, left: Vector, right: float) -> Vector:
    if op in _COMPARISON:
        return {labels: value for labels, value in left.items() if _COMPARISON[op](value, right)}
    return {labels: _ARITHMETIC[op](value, right) for labels, value in left.items()}


def _together(op: str, left: Vector, right: Vector) -> Vector:
    """Series with the same labels meet; one without a partner is left out."""
    both = [labels for labels in left if labels in right]
    if op in _COMPARISON:
        return {labels: left[labels] for labels in both if _COMPARISON[op](left[labels], right[labels])}
    return {labels: _ARITHMETIC[op](left[labels], right[labels]) for labels in both}
