"""JSON lines on stdout: events of a closed catalogue, each with the fields that the catalogue allows it.

Every line has the fields of `log_catalogue.ALWAYS`; where they are known those of `CONTEXT`; where there is
an exception those of `EXCEPTION`. What the catalogue does not allow is left out, and counted: in the line as
`dropped_fields`, and for Prometheus. A field that is None is none. A value is cut after 200 characters; a
line is ASCII whatever is in it.

```python
configure_logging(service="gateway", events=EVENTS, level="info")
log = get_logger()
with bound(tenant="acme", transaction_id="..."):
    log.info("login.opened", steps=["idproof"])
```
"""

import logging
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from importlib.metadata import version
from itertools import groupby
from operator import itemgetter
from typing import Any, TextIO, TypeAlias

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars, merge_contextvars

from common.errors import WaystationError
from common.log_catalogue import CONTEXT, EXCEPTION
from common.log_contract import Event
from common.log_events import BUILT_IN_EVENTS, UNKNOWN_EVENT
from common.log_fields import Value, clean, exception_fields, exception_of, short_path
from common.log_foreign import take_over_errors, take_over_logging
from common.log_formats import Format, renderer
from common.metrics import UNCATALOGUED
from common.settings import DEVELOPMENT, PRODUCTION

EventDict: TypeAlias = MutableMapping[str, Any]

CONTEXT_FIELDS = tuple(field.name for field in CONTEXT)
ERROR_FIELDS = tuple(field.name for field in EXCEPTION)


class UnknownLogEventError(WaystationError):
    """Tests only: an event that the service's catalogue does not have, or not at that level."""


class UnknownLogFieldError(WaystationError):
    """Tests only: fields that the catalogue does not allow the event."""


class _Catalogue:
    """The last processor but one: lets through what the catalogue allows, in a fixed order."""

    def __init__(self, events: Iterable[Event], *, process: Mapping[str, str], strict: bool) -> None:
        self._events = {event.name: event for event in (*BUILT_IN_EVENTS, *events)}
        self._everywhere = frozenset((*CONTEXT_FIELDS, *ERROR_FIELDS))
        self._allowed = {
            name: self._everywhere.union(event.field_names) for name, event in self._events.items()
        }
        self._process = process
        self._strict = strict

    def __call__(self, _: object, level: str, given: EventDict) -> EventDict:
        name = given.pop("event")
        error = exception_fields(exception_of(given.pop("exc_info", None)))
        event = self._events.get(name) if isinstance(name, str) else None
        allowed = self._allowed[event.name] if event else self._everywhere
        dropped = [] if given.keys() <= allowed else sorted(given.keys() - allowed)
        if self._strict:
            _refuse_unknown(event, name=name, level=level, fields=dropped)
        fields = {
            key: clean(value) for key, value in given.items() if key in allowed and value is not None
        } | error
        if dropped:
            fields["dropped_fields"] = len(dropped)
            UNCATALOGUED.labels("field").inc(len(dropped))
        if event is None:
            UNCATALOGUED.labels("event").inc()
            return self.line(UNKNOWN_EVENT, level, {"source": _caller(), **fields})
        return self.line(event.name, level, fields)

    def line(self, name: str, level: str, fields: Mapping[str, Value]) -> EventDict:
        return {
            "timestamp": _timestamp(),
            "severity": level.upper(),
            "event": name,
            **self._process,
            **{key: fields[key] for key in CONTEXT_FIELDS if key in fields},
            **fields,
        }


def _timestamp() -> str:
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{_second(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _refuse_unknown(event: Event | None, *, name: object, level: str, fields: list[str]) -> None:
    if event is None or level not in event.levels:
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
    log_format: Format = "json",
    production: bool = False,
    strict: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Send everything that this process logs, ours and others', to `stream` (default stdout) as one form.

    Args:
        service: what `service_name` says.
        events: the service's catalogue.
        level: `debug`, `info`, `warning`, `error` or `critical`; less is not written.
        log_format: how fields are called; see log_formats.py.
        production: what `deployment_environment_name` says.
        strict: raise on an event or field that the catalogue does not have; for tests.
        stream: text lines are written to it and flushed; a terminal gets them aligned and in colour.
    """
    output = stream or sys.stdout
    threshold = logging.getLevelNamesMapping()[level.upper()]
    process = {
        "service_name": service,
        "service_version": version("waystation"),
        "deployment_environment_name": PRODUCTION if production else DEVELOPMENT,
    }
    catalogue = _Catalogue(events, process=process, strict=strict)
    render = renderer(log_format, at_terminal=output.isatty())
    lines = _Lines(output)

    def write(name: str, severity: str, fields: dict[str, Value]) -> None:
        context = {key: clean(value) for key, value in get_contextvars().items() if key in CONTEXT_FIELDS}
        lines.write(render(None, severity, catalogue.line(name, severity, context | fields)))

    structlog.configure(
        processors=[merge_contextvars, catalogue, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: lines,
        # For good: who writes to stdout is a service, and configures once.
        cache_logger_on_first_use=stream is None,
    )
    take_over_logging(write, level=threshold)
    take_over_errors(write)


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
