"""The catalogue of log events as a contract: its page, its schemas, and a real line of each event."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from common.log_contract import Event, Field, Type
from tests.docs.log_events import PAGE, SCHEMAS, page, schemas
from tests.support.log_checker import EVERY_SERVICE, MISTAKES, Example, key_of, read_examples
from tests.support.log_contract import all_events, faults_of, schema_of
from tests.support.run_folder import ROOT

_EXAMPLES = read_examples()
_UNFIT: dict[Type, list[Any]] = {
    Type.TEXT: [7, None, ["x"]],
    Type.INTEGER: ["7", 7.5, -1, True, None],
    Type.NUMBER: ["7", None, True],
    Type.FLAG: ["true", 1, None],
    Type.TEXTS: ["x", [7], [None], [["x"]], ["x"] * 21],
}


def events() -> Iterator[Any]:
    """Every event once, with its example."""
    for service, event in all_events():
        key = key_of({"service_name": service, "event": event.name})
        if key in _EXAMPLES and _EXAMPLES[key].line["service_name"] == service:
            yield pytest.param(event, _EXAMPLES[key], id=f"{key[0]}: {event.name}")


def test_every_event_has_an_example() -> None:
    """Each event of each service, and of all of them, has one example; no other event has."""
    keys = {key_of({"service_name": service, "event": event.name}) for service, event in all_events()}
    assert sorted(keys - _EXAMPLES.keys()) == []
    assert sorted(_EXAMPLES.keys() - keys) == []


@pytest.mark.parametrize(("event", "example"), list(events()))
def test_an_example(event: Event, example: Example) -> None:
    """An example fits its schema, which takes no line that lacks a field, has another, or a wrong value."""
    line = example.line
    assert _faults(line) == []
    required = schema_of(line["service_name"], event)["required"]
    assert [name for name in required if _fits({key: line[key] for key in line if key != name})] == []
    assert not _fits(line | {"email": "ada@example.org"})
    assert not _fits(line | {"severity": "LOUD"})
    for field in event.fields:
        assert [value for value in _unfit(field) if _fits(line | {field.name: value})] == []


@pytest.mark.parametrize(("event", "example"), list(events()))
def test_the_test_of_an_example(event: Event, example: Example) -> None:
    """The test that an example names is there and is marked to provoke the event: else it fails."""
    file, _, function = example.test.partition("::")
    assert event.name in MISTAKES or event.name in _provoked(file)[function.partition("[")[0]]


def _faults(line: dict[str, Any]) -> list[str]:
    return [fault for fault in faults_of(line) if "something unknown" not in fault]


def _fits(line: dict[str, Any]) -> bool:
    return not _faults(line)


def _unfit(field: Field) -> list[Any]:
    wrong = ["none of these", ""] if field.values or field.pattern else []
    return _UNFIT[field.type] + ([[text] for text in wrong] if field.type is Type.TEXTS else wrong)


@cache
def _provoked(file: str) -> dict[str, set[str]]:
    """The events that each test of a file is marked with."""
    tree = ast.parse((ROOT / file).read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {
        function.name: {
            argument.value
            for mark in function.decorator_list
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.logs"
            for argument in mark.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        }
        for function in functions
    }


def test_a_field_is_one_thing() -> None:
    """A name has the same type, unit and meaning in every event that has it."""
    found: dict[str, set[tuple[Type, str, str]]] = {}
    for _, event in all_events():
        for field in event.fields:
            found.setdefault(field.name, set()).add((field.type, field.unit, field.meaning))
    assert {name: things for name, things in found.items() if len(things) > 1} == {}


def test_what_an_operator_does() -> None:
    """Every event that is a warning or worse says what to do about it; each sentence ends."""
    quiet = {"debug", "info"}
    assert [event.name for _, event in all_events() if event.level not in quiet and not event.do] == []
    assert [event.name for _, event in all_events() if event.do and not event.do.endswith(".")] == []


def test_the_page_is_fresh() -> None:
    """The page and the schemas are what `./dev log-events` makes of the catalogues."""
    assert page(_EXAMPLES) == PAGE.read_text()
    assert schemas() == SCHEMAS.read_text()
    assert EVERY_SERVICE in {key[0] for key in _EXAMPLES}
