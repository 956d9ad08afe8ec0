"""What a pipeline makes of log lines: which of them remain, and with which labels."""

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tests.support.logql.syntax import Json, LabelFilter, LineFilter, Matcher, Pipeline, Stage

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a stream at a time, in seconds; a label that is not there is the same as an empty one."""

    time: float
    labels: Mapping[str, str]
    text: str


def remaining(pipeline: Pipeline, lines: Iterable[Line]) -> Iterator[Line]:
    """The lines of the streams that the selector means and that pass every stage."""
    for line in lines:
        if all(_is_true(matcher, line.labels) for matcher in pipeline.selector):
            found: Line | None = line
            for stage in pipeline.stages:
                found = found and _passed(stage, found)
            if found:
                yield found


def _passed(stage: Stage, line: Line) -> Line | None:
    match stage:
        case LineFilter():
            return line if _holds(stage, line.text) else None
        case LabelFilter():
            return line if any(_is_true(matcher, line.labels) for matcher in stage.any_of) else None
        case Json():
            return replace(line, labels={**line.labels, **_extracted(stage, line)})


def _holds(stage: LineFilter, text: str) -> bool:
    inside = re.search(stage.text, text) if stage.op.endswith("~") else stage.text in text
    return bool(inside) is stage.op.startswith("|")


def _is_true(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    label = labels.get(matcher.name, "")
    if isinstance(matcher.value, str):
        is_regex = matcher.op.endswith("~")
        same = re.fullmatch(matcher.value, label) if is_regex else matcher.value == label
        return bool(same) is matcher.op.startswith("=")
    number = number_of(label)
    return number is not None and _COMPARE[matcher.op](number, matcher.value)


def _extracted(stage: Json, line: Line) -> dict[str, str]:
    """Lists are no labels unless they are named; what the stream has by the same name keeps it."""
    try:
        values = json.loads(line.text)
    except ValueError:
        return {"__error__": "JSONParserErr"}
    if stage.named:
        found = {label: _as_label(values.get(key)) for label, key in stage.named}
    else:
        found = {key: _as_label(value) for key, value in values.items() if not isinstance(value, list)}
    return {f"{key}_extracted" if key in line.labels else key: value for key, value in found.items()}


def _as_label(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return json.dumps(value)


def number_of(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None
