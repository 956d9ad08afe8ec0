"""JSON lines on stdout: events of a closed catalogue, each with the fields that the catalogue allows it.

Every line has `timestamp` (UTC, milliseconds), `severity`, `event` and `service_name`; where they are known
`tenant`, `transaction_id` and `trace_id`; where there is an exception `error_type`, `error_causes` and
`error_stack`. What the catalogue does not allow is left out, and `dropped_fields` counts it. A value is cut
after 200 characters; a line is ASCII whatever is in it.

```python
configure_logging(service="gateway", events=EVENTS, level="info")
log = get_logger()
with bound(tenant="acme", transaction_id="..."):
    log.info("login.opened", steps=["idproof"])
```
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, TextIO, TypeAlias

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars, merge_contextvars

from common.errors import WaystationError
from common.log_fields import Field, clean, exception_fields, exception_of, short_path
from common.log_foreign import LIBRARY_MESSAGE, UNHANDLED, take_over_errors, take_over_logging

Level: TypeAlias = Literal["debug", "info", "warning", "error", "critical"]
EventDict: TypeAlias = MutableMapping[str, Any]

UNKNOWN_EVENT = "log.unknown_event"
CONTEXT_FIELDS = ("tenant", "transaction_id", "trace_id")
ERROR_FIELDS = ("error_type", "error_causes", "error_stack")


class UnknownLogEventError(WaystationError):
    """Tests only: an event that the service's catalogue does not have, or not at that level."""


class UnknownLogFieldError(WaystationError):
    """Tests only: fields that the catalogue does not allow the event."""


@dataclass(frozen=True)
class Event:
    """One line of a service's catalogue: what is logged, how loudly, with which fields, and what it means."""

    name: str
    level: Level
    fields: tuple[str, ...]
    meaning: str


BUILT_IN_EVENTS = (
    Event(
        UNKNOWN_EVENT,
        "warning",
        ("source",),
        "A mistake of ours: the code at `source` logged something that its catalogue does not have.",
    ),
    Event(
        LIBRARY_MESSAGE,
        "info",
        ("logger", "source", "template"),
        "A library logged something, at its own level; its words are left out.",
    ),
    Event(UNHANDLED, "critical", ("source", "reason"), "An error that nobody caught, with where it was."),
)


class _Catalogue:
    """The last processor but one: lets through what the catalogue allows, in a fixed order."""

    def __init__(self, events: Iterable[Event], *, service: str, strict: bool) -> None:
        self._events = {event.name: event for event in (*BUILT_IN_EVENTS, *events)}
        self._everywhere = frozenset((*CONTEXT_FIELDS, *ERROR_FIELDS))
        self._allowed = {name: self._everywhere.union(event.fields) for name, event in self._events.items()}
        self._service = service
        self._strict = strict

    def __call__(self, _: object, level: str, given: EventDict) -> EventDict:
        name = given.pop("event")
        error = exception_fields(exception_of(given.pop("exc_info", None)))
        event = self._events.get(name) if isinstance(name, str) else None
        allowed = self._allowed[event.name] if event else self._everywhere
        dropped = sorted(given.keys() - allowed)
        if self._strict:
            _refuse_unknown(event, name=name, level=level, fields=dropped)
        fields = {key: clean(given[key]) for key in given if key in allowed} | error
        if dropped:
            fields["dropped_fields"] = len(dropped)
        if event is None:
            return self.line(UNKNOWN_EVENT, level, {"source": _caller(), **fields})
        return self.line(event.name, level, fields)

    def line(self, name: str, level: str, fields: Mapping[str, Field]) -> EventDict:
        return {
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "severity": level.upper(),
            "event": name,
            "service_name": self._service,
            **{key: fields[key] for key in CONTEXT_FIELDS if key in fields},
            **{key: value for key, value in fields.items() if key not in CONTEXT_FIELDS},
        }


def _refuse_unknown(event: Event | None, *, name: object, level: str, fields: list[str]) -> None:
    if event is None or event.level != level:
        raise UnknownLogEventError(f"{name} at level {level} is not in the catalogue")
    if fields:
        raise UnknownLogFieldError(f"{event.name} may not have {', '.join(fields)}")


def _caller() -> str:
    """Where the line was logged: the first frame outside this module and structlog."""
    for frame, line in traceback.walk_stack(None):
        if frame.f_globals.get("__name__", "").partition(".")[0] != "structlog" and (
            frame.f_code.co_filename != __file__
        ):
            return f"{short_path(frame.f_code.co_filename)}:{line}"
    return ""


class _Lines:
    """Where lines go. A reader that went away is no reason why a login should fail."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        gathered = _gathered.get()
        if gathered is None:
            self.put(f"{line}\n")
        else:
            gathered.append((self, f"{line}\n"))

    def put(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    # structlog calls the method that is named like the level.
    debug = info = warning = error = critical = write


# What is logged inside of `written_together`, with where it goes.
_gathered: ContextVar[list[tuple[_Lines, str]] | None] = ContextVar("gathered", default=None)


@contextmanager
def written_together() -> Iterator[None]:
    """Lines that are logged inside go out by one write, at the end; nothing may be awaited inside."""
    gathered: list[tuple[_Lines, str]] = []
    token = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(token)
        for lines, group in groupby(gathered, key=itemgetter(0)):
            lines.put("".join(text for _, text in group))


def configure_logging(
    *,
    service: str,
    events: Iterable[Event],
    level: str = "info",
    strict: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Send everything that this process logs, ours and others', to `stream` (default stdout) as one form.

    Args:
        service: what `service_name` says.
        events: the service's catalogue.
        level: `debug`, `info`, `warning`, `error` or `critical`; less is not written.
        strict: raise on an event or field that the catalogue does not have; for tests.
        stream: text lines are written to it and flushed; a terminal gets them aligned and in colour.
    """
    output = stream or sys.stdout
    threshold = logging.getLevelNamesMapping()[level.upper()]
    catalogue = _Catalogue(events, service=service, strict=strict)
    render = _as_text() if output.isatty() else _as_json
    lines = _Lines(output)

    def write(name: str, severity: str, fields: dict[str, Field]) -> None:
        context = {key: clean(value) for key, value in get_contextvars().items() if key in CONTEXT_FIELDS}
        lines.write(render(None, severity, catalogue.line(name, severity, context | fields)))

    structlog.configure(
        processors=[merge_contextvars, catalogue, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    take_over_logging(write, level=threshold)
    take_over_errors(write)


def _as_json(_: object, __: str, line: EventDict) -> str:
    return json.dumps(line)


def _as_text() -> Callable[[object, str, EventDict], str]:
    """One aligned line in colour, for a person at a terminal."""
    console = structlog.dev.ConsoleRenderer(sort_keys=False)

    def render(_: object, level: str, line: EventDict) -> str:
        named = {"level": line.pop("severity").lower(), **line}
        return console(None, level, named)

    return render


def get_logger() -> structlog.stdlib.BoundLogger:
    """A logger of this process; it may be made before `configure_logging` and used after it."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()
    return logger


@contextmanager
def bound(**identifiers: str) -> Iterator[None]:
    """Everything logged inside carries these CONTEXT_FIELDS, and none that were bound outside.

    Without this, what one message bound stays for the next one of the same task.
    """
    outside = get_contextvars()
    clear_contextvars()
    bind_contextvars(**identifiers)
    try:
        yield
    finally:
        clear_contextvars()
        bind_contextvars(**outside)
