"""The evaluator of LogQL does what Loki's documentation says, and refuses what Loki refuses."""

import json
import math
from typing import Any

import pytest

from tests.support.logql.evaluate import evaluate, quantile
from tests.support.logql.lines import Line, remaining
from tests.support.logql.parser import parse, parse_metric
from tests.support.logql.syntax import Pipeline, pipelines
from tests.support.logql.tokens import LogQLError, seconds_of

_NOW = 1000.0


def _line(time: float = _NOW, *, service: str = "gateway", **fields: Any) -> Line:
    return Line(time=time, labels={"service_name": service}, text=json.dumps(fields))


def _ended(step: str, outcome: str, milliseconds: float | None = None, *, time: float = _NOW) -> Line:
    return _line(time, event="step.ended", step=step, outcome=outcome, duration_ms=milliseconds)


LINES = (
    _ended("terms", "passed", 10),
    _ended("terms", "passed", 20, time=_NOW - 30),
    _ended("idproof", "failed", 40),
    _ended("idproof", "failed", time=_NOW - 90),
    _line(event="login.opened", steps=["terms", "idproof"], nested={"a": {"b": 1}}),
    _line(service="proofing", event="verification.ended", service_name="proofing"),
)


def told(query: str) -> dict[str, float]:
    """The series of a query over LINES, each by the values of its labels."""
    found = evaluate(parse_metric(query), LINES, now=_NOW)
    return {",".join(value for _, value in sorted(labels)): number for labels, number in found.items()}


def kept(query: str) -> list[int]:
    """Which of LINES a log query lets through."""
    pipeline = parse(query)
    assert isinstance(pipeline, Pipeline)
    texts = [line.text for line in remaining(pipeline, LINES)]
    return [number for number, line in enumerate(LINES) if line.text in texts]


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ('{service_name="gateway"}', [0, 1, 2, 3, 4]),
        ('{service_name=~"gate.*|proofing"}', [0, 1, 2, 3, 4, 5]),
        ('{service_name=~"gate"}', []),
        ('{service_name!="gateway"}', [5]),
        ('{service_name!~"proof.+"} |= "login"', [4]),
        ('{service_name="gateway"} |= `step.` != `terms`', [2, 3]),
        ('{service_name="gateway"} |~ `"(login|logout)[.]` !~ "x{3}"', [4]),
        ('{service_name="gateway"} | json | step="terms"', [0, 1]),
        ('{service_name="gateway"} | json | step=""', [4]),
        ('{service_name="gateway"} | json | step=~".*"', [0, 1, 2, 3, 4]),
        ('{service_name="gateway"} | json | step="terms" or event="login.opened"', [0, 1, 4]),
        ('{service_name="gateway"} | json | duration_ms > 10 | duration_ms <= 20', [1]),
        ('{service_name="gateway"} | json | duration_ms == 40', [2]),
        ('{service_name="gateway"} | json | steps!=""', []),
        ('{service_name="gateway"} | json steps="steps" | steps=~".*terms.*"', [4]),
        ('{service_name="proofing"} | json | service_name_extracted="proofing"', [5]),
    ],
)
def test_lines(query: str, lines: list[int]) -> None:
    """Streams by whole labels, lines by parts, fields by whole values; an absent field is an empty one."""
    assert kept(query) == lines


def test_what_is_no_json() -> None:
    """Such a line stays, with the reason in `__error__`."""
    pipeline = parse('{a="b"} | json | __error__="JSONParserErr"')
    assert isinstance(pipeline, Pipeline)
    line = Line(time=0.0, labels={"a": "b"}, text="{not json")
    assert [one.text for one in remaining(pipeline, [line])] == ["{not json"]


_ENDED = '{service_name="gateway"} |= `step.` | json | event="step.ended"'


@pytest.mark.parametrize(
    ("query", "series"),
    [
        (f"sum(count_over_time({_ENDED} [1m]))", {"": 3}),
        (f"sum(count_over_time({_ENDED} [2m]))", {"": 4}),
        (f"sum(rate({_ENDED} [2m]))", {"": 4 / 120}),
        (f"sum by (step) (count_over_time({_ENDED} [2m]))", {"terms": 2, "idproof": 2}),
        (f"sum(count_over_time({_ENDED} [2m])) by (step)", {"terms": 2, "idproof": 2}),
        (
            f"sum without (duration_ms, event, service_name) (count_over_time({_ENDED} [2m]))",
            {"passed,terms": 2, "failed,idproof": 2},
        ),
        (f"sum by (step) (sum_over_time({_ENDED} | unwrap duration_ms [2m]))", {"terms": 30, "idproof": 40}),
        (f"avg_over_time({_ENDED} | unwrap duration_ms [2m]) by (step)", {"terms": 15, "idproof": 40}),
        (f"max_over_time({_ENDED} | unwrap duration_ms [2m]) by (outcome)", {"passed": 20, "failed": 40}),
        (
            f"quantile_over_time(0.5, {_ENDED} | unwrap duration_ms [2m]) by (step)",
            {"terms": 15, "idproof": 40},
        ),
        (f"topk(1, sum by (outcome) (count_over_time({_ENDED} | step=`terms` [2m])))", {"passed": 2}),
        (f"max(sum by (step) (count_over_time({_ENDED} [1m])))", {"": 2}),
        (f"count(count_over_time({_ENDED} [2m]))", {"": 4}),
        (f"sum by (step) (count_over_time({_ENDED} [1m])) > 1", {"terms": 2}),
        (f"sum(count_over_time({_ENDED} [1m])) / sum(count_over_time({_ENDED} [2m])) * 100", {"": 75}),
        (f"1 - sum(count_over_time({_ENDED} [1m])) / 4", {"": 0.25}),
        ('sum(count_over_time({service_name="nobody"} [1m]))', {}),
        ('sum(count_over_time({service_name="nobody"} [1m])) or vector(0)', {"": 0}),
    ],
)
def test_numbers(query: str, series: dict[str, float]) -> None:
    """Counts, sums, quantiles, groups and arithmetic over the lines of a while."""
    assert told(query) == pytest.approx(series)


def test_quantiles() -> None:
    """A quantile lies between the two nearest ranks."""
    assert [quantile(share, [1.0, 2.0, 4.0]) for share in (0.0, 0.5, 0.75, 1.0)] == [1.0, 2.0, 3.0, 4.0]


def test_nothing_by_nothing() -> None:
    """A share of nothing is no number, as in Loki."""
    query = "sum(count_over_time({a=`b`} [1m])) / 0"
    found = evaluate(parse_metric(query), [Line(time=_NOW, labels={"a": "b"}, text="{}")], now=_NOW)
    assert [math.isnan(value) for value in found.values()] == [True]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("{}", "a selector without matchers"),
        ("{a=1}", "a of a selector is no comparison|a = is no comparison"),
        ("{a==1}", "a of a selector is a text"),
        ('{a="b"} [1m]', "a end is expected"),
        ('{a="b"} | json | c > "1"', "c > is no comparison"),
        ('sum_over_time({a="b"} [1m])', "wants | unwrap"),
        ('sum_over_time({a="b"} | unwrap c [1m]) by (d)', "cannot be grouped"),
        ('count_over_time({a="b"})', "expected"),
        ('median({a="b"} [1m])', "there is no median"),
        ('sum(count_over_time({a="b"} [1m])', r"\) is expected"),
        ("{a='b'}", "what is"),
    ],
)
def test_what_is_no_query(query: str, complaint: str) -> None:
    """It is refused, with what is wrong and where."""
    with pytest.raises(LogQLError, match=complaint):
        parse(query)


def test_a_log_query_has_no_numbers() -> None:
    """Where numbers are wanted it is refused, and so is a number alone."""
    with pytest.raises(LogQLError, match="no numbers"):
        parse_metric('{a="b"}')
    with pytest.raises(LogQLError, match="no series"):
        evaluate(parse_metric("1"), [], now=_NOW)


def test_a_value_that_is_no_number() -> None:
    """Loki fails the whole query, so that nobody reads a part of the truth."""
    query = parse_metric(f"sum(sum_over_time({_ENDED} | unwrap outcome [1m]))")
    with pytest.raises(LogQLError, match="outcome is no number: 'passed'"):
        evaluate(query, LINES, now=_NOW)


def test_what_a_query_wants_of_its_lines() -> None:
    """Each pipeline comes with the labels that are read or grouped by around it."""
    query = parse_metric(
        f"sum by (step) (sum_over_time({_ENDED} | unwrap duration_ms [1m])) / sum(rate({_ENDED} [1m]))"
    )
    assert [sorted(wanted) for _, wanted in pipelines(query)] == [["duration_ms", "step"], []]


def test_durations() -> None:
    """In seconds, however they are written."""
    assert [seconds_of(text) for text in ("250ms", "5m", "1h30m", "1d", "1w")] == [
        0.25,
        300.0,
        5400.0,
        86400.0,
        604800.0,
    ]
