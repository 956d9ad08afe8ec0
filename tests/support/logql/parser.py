"""A query's text as what it is made of (syntax.py), by recursive descent; refuses what Loki refuses."""

from collections.abc import Callable
from typing import TypeVar

from tests.support.logql.syntax import (
    Binary,
    Grouping,
    Json,
    LabelFilter,
    LineFilter,
    Matcher,
    Metric,
    Number,
    Pipeline,
    Query,
    RangeAggregation,
    Stage,
    VectorAggregation,
)
from tests.support.logql.tokens import LogQLError, Token, seconds_of, tokens, unquoted

T = TypeVar("T")

_LINE_FILTERS = {"|=", "|~", "!=", "!~"}
_OF_TEXTS = {"=", "!=", "=~", "!~"}
_OF_NUMBERS = {"==", "!=", ">", ">=", "<", "<="}
_OF_LINES = {"count_over_time", "rate"}
_OF_VALUES = {"sum_over_time", "avg_over_time", "max_over_time", "min_over_time", "quantile_over_time"}
_GROUPED_OVER_TIME = {"avg_over_time", "max_over_time", "min_over_time", "quantile_over_time"}
_OF_VECTORS = {"sum", "min", "max", "avg", "count", "topk"}
# From the loosest to the tightest.
_OPERATORS = ({"or"}, _OF_NUMBERS, {"+", "-"}, {"*", "/"})


def parse(query: str) -> Query:
    """A log query is a `Pipeline`, everything else a `Metric`.

    Raises:
        LogQLError: it is none.
    """
    parser = _Parser(list(tokens(query)))
    found = parser.pipeline() if parser.sees("{") else parser.metric()
    parser.expect_end()
    return found


def parse_metric(query: str) -> Metric:
    """A query that makes numbers.

    Raises:
        LogQLError: it is none.
    """
    found = parse(query)
    if isinstance(found, Pipeline):
        raise LogQLError("a log query has no numbers")
    return found


class _Parser:
    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._next = 0

    @property
    def _word(self) -> Token:
        return self._words[self._next]

    def sees(self, *texts: str) -> bool:
        return self._word.kind != "text" and self._word.text in texts

    def expect_end(self) -> None:
        self._take_kind("end")

    def pipeline(self) -> Pipeline:
        self._take("{")
        selector = self._listed(self._text_matcher, end="}")
        if not selector:
            raise LogQLError("a selector without matchers")
        stages = []
        while (stage := self._stage()) is not None:
            stages.append(stage)
        return Pipeline(selector=tuple(selector), stages=tuple(stages))

    def metric(self, level: int = 0) -> Metric:
        if level == len(_OPERATORS):
            return self._operand()
        left = self.metric(level + 1)
        while self.sees(*_OPERATORS[level]):
            op = self._take_any().text
            left = Binary(op=op, left=left, right=self.metric(level + 1))
        return left

    def _operand(self) -> Metric:
        if self._word.kind == "number":
            return Number(float(self._take_any().text))
        if self.sees("("):
            self._take("(")
            inside = self.metric()
            self._take(")")
            return inside
        name = self._take_kind("name").text
        if name == "vector":
            return Number(self._bracketed(self._number), is_vector=True)
        if name in _OF_VECTORS:
            return self._vector_aggregation(name)
        if name in _OF_LINES | _OF_VALUES:
            return self._range_aggregation(name)
        raise LogQLError(f"there is no {name}(…)")

    def _vector_aggregation(self, op: str) -> VectorAggregation:
        before = self._grouping()
        self._take("(")
        parameter = self._parameter() if op == "topk" else None
        inner = self.metric()
        self._take(")")
        return VectorAggregation(op=op, inner=inner, parameter=parameter, grouping=before or self._grouping())

    def _range_aggregation(self, op: str) -> RangeAggregation:
        self._take("(")
        parameter = self._parameter() if op == "quantile_over_time" else None
        pipeline = self.pipeline()
        unwrap = self._unwrap()
        self._take("[")
        seconds = seconds_of(self._take_kind("duration").text)
        self._take("]")
        self._take(")")
        if op in _OF_VALUES and unwrap is None:
            raise LogQLError(f"{op} wants | unwrap")
        grouping = self._grouping()
        if grouping and op not in _GROUPED_OVER_TIME:
            raise LogQLError(f"{op} cannot be grouped")
        return RangeAggregation(
            op=op,
            pipeline=pipeline,
            seconds=seconds,
            unwrap=unwrap,
            parameter=parameter,
            grouping=grouping,
        )

    def _stage(self) -> Stage | None:
        if self.sees(*_LINE_FILTERS):
            op = self._take_any().text
            return LineFilter(op=op, text=unquoted(self._take_kind("text").text))
        if not self.sees("|") or self._words[self._next + 1].text == "unwrap":
            return None
        self._take("|")
        if self.sees("json"):
            self._take("json")
            return Json(named=tuple(self._named_keys()))
        matchers = [self._matcher()]
        while self.sees("or"):
            self._take("or")
            matchers.append(self._matcher())
        return LabelFilter(any_of=tuple(matchers))

    def _named_keys(self) -> list[tuple[str, str]]:
        named = []
        while self._word.kind == "name":
            label = self._take_any().text
            self._take("=")
            named.append((label, unquoted(self._take_kind("text").text)))
            if not self.sees(","):
                break
            self._take(",")
        return named

    def _unwrap(self) -> str | None:
        if not self.sees("|"):
            return None
        self._take("|")
        self._take("unwrap")
        return self._take_kind("name").text

    def _text_matcher(self) -> Matcher:
        matcher = self._matcher()
        if not isinstance(matcher.value, str):
            raise LogQLError(f"{matcher.name} of a selector is a text")
        return matcher

    def _matcher(self) -> Matcher:
        name = self._take_kind("name").text
        op = self._take_kind("sign").text
        is_text = self._word.kind == "text"
        if op not in (_OF_TEXTS if is_text else _OF_NUMBERS):
            raise LogQLError(f"{name} {op} is no comparison")
        value = unquoted(self._take_any().text) if is_text else self._number()
        return Matcher(name=name, op=op, value=value)

    def _grouping(self) -> Grouping | None:
        if not self.sees("by", "without"):
            return None
        by = self._take_any().text == "by"
        self._take("(")
        names = self._listed(lambda: self._take_kind("name").text, end=")")
        return Grouping(by=by, labels=tuple(names))

    def _parameter(self) -> float:
        number = self._number()
        self._take(",")
        return number

    def _number(self) -> float:
        return float(self._take_kind("number").text)

    def _bracketed(self, read: Callable[[], T]) -> T:
        self._take("(")
        value = read()
        self._take(")")
        return value

    def _listed(self, read: Callable[[], T], *, end: str) -> list[T]:
        found: list[T] = []
        while not self.sees(end):
            if found:
                self._take(",")
            found.append(read())
        self._take(end)
        return found

    def _take(self, text: str) -> Token:
        if not self.sees(text):
            raise LogQLError(f"{text} is expected at {self._word.at}, not {self._word.text!r}")
        return self._take_any()

    def _take_kind(self, kind: str) -> Token:
        if self._word.kind != kind:
            raise LogQLError(f"a {kind} is expected at {self._word.at}, not {self._word.text!r}")
        return self._take_any()

    def _take_any(self) -> Token:
        word = self._word
        self._next = min(self._next + 1, len(self._words) - 1)
        return word
