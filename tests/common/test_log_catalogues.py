"""The catalogues of log events and the code that logs them say the same."""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.log import CONTEXT_FIELDS, ERROR_FIELDS
from common.log_contract import Event
from common.log_events import BUILT_IN_EVENTS, COMMON_EVENTS

_SERVICES = Path(__file__).parents[2] / "services"
_LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


@dataclass(frozen=True)
class Call:
    """One place that logs an event."""

    place: str
    level: str
    event: str
    fields: frozenset[str]


def calls(package: str) -> Iterator[Call]:
    """Every `log.<level>(...)` of a package."""
    for path in sorted(_SERVICES.glob(f"*/{package}/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=level)) if level in _LEVELS:
                    yield _call(f"{path.name}:{node.lineno}", level, node)


def _call(place: str, level: str, node: ast.Call) -> Call:
    match node.args:
        case [ast.Constant(value=str() as event)]:
            # Fields given as **mapping are seen when they are logged in strict mode.
            fields = frozenset(keyword.arg for keyword in node.keywords if keyword.arg) - {"exc_info"}
            return Call(place, "error" if level == "exception" else level, event, fields)
        case _:
            raise AssertionError(f"{place}: an event's name is a constant")


def catalogue(package: str) -> dict[str, Event]:
    if package == "common":
        return {event.name: event for event in COMMON_EVENTS}
    events: tuple[Event, ...] = importlib.import_module(f"{package}.log_events").EVENTS
    return {event.name: event for event in events}


@pytest.mark.parametrize("package", ["common", "gateway", "proofing", "metadata_sync"])
def test_every_call_is_in_the_catalogue(package: str) -> None:
    """Whatever a service logs, its catalogue has with that level and those fields."""
    events = catalogue(package)
    everywhere = {*CONTEXT_FIELDS, *ERROR_FIELDS}
    wrong = [
        call
        for call in calls(package)
        if call.event not in events
        or events[call.event].level != call.level
        or not call.fields <= {*events[call.event].field_names, *everywhere}
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["common", "gateway", "proofing", "metadata_sync"])
def test_every_event_is_logged(package: str) -> None:
    """Whatever a catalogue has, its service logs somewhere: an operator does not wait for it in vain."""
    logged = {call.event for name in {package, "common"} for call in calls(name)}
    services = {call.event for name in ("gateway", "proofing", "metadata_sync") for call in calls(name)}
    expected = logged | services if package == "common" else logged
    assert catalogue(package).keys() - expected == set()


@pytest.mark.parametrize("package", ["common", "gateway", "proofing", "metadata_sync"])
def test_the_form_of_a_catalogue(package: str) -> None:
    """Names are `noun.what_happened`, fields snake_case and not those of every line; each has a meaning."""
    reserved = {"timestamp", "severity", "event", "service_name", "dropped_fields", *CONTEXT_FIELDS}
    for event in catalogue(package).values():
        noun, what = event.name.split(".")
        assert all(word.isidentifier() and word.islower() for word in (noun, what, *event.field_names)), event
        assert not reserved & set(event.field_names), event
        assert event.meaning.endswith("."), event
        assert event.name not in {built_in.name for built_in in BUILT_IN_EVENTS}
