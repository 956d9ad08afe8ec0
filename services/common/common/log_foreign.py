"""What others log: records of the standard library's `logging`, and errors that nobody caught.

We do not know what a library puts into its message, so the message is left out. It may be named by its
template, where a library that is known to use templates gave arguments apart from it; always by the place
in the code that logged it.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from common.log_fields import Value, exception_fields, exception_of, short_path, text

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

LIBRARY_MESSAGE = "library.message"
UNHANDLED = "error.unhandled"
# Their messages are templates wherever they pass arguments.
_TEMPLATES_OF = frozenset({"aio_pika", "aiohttp", "aiormq", "asyncio", "asyncpg"})
_QUIETER = {"aio_pika": logging.WARNING, "aiormq": logging.WARNING}
# Not even their errors are ours: whether the broker answers, and what that means, we tell ourselves.
_NO_LOUDER = _QUIETER
# The other messages of event loops may show a callback with its arguments.
_FIXED_REASONS = frozenset(
    {
        "Future exception was never retrieved",
        "Task exception was never retrieved",
        "Task was destroyed but it is pending!",
        "Unclosed client session",
        "Unclosed connection",
        "Unclosed connector",
        "Unclosed response",
    }
)

Write: TypeAlias = Callable[[str, str, dict[str, Value]], None]
"""Writes one line: event, level, fields."""


class LibraryHandler(logging.Handler):
    """Turns every record of the standard library's logging into one event."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = severity_of(record)
            if level >= self.level:
                self._write(LIBRARY_MESSAGE, logging.getLevelName(level), library_fields(record))
        except Exception:  # noqa: BLE001 - a log line must never be the reason why a request fails
            self.handleError(record)


def severity_of(record: logging.LogRecord) -> int:
    """The record's own level, or the highest that its library may have here."""
    return min(record.levelno, _NO_LOUDER.get(record.name.partition(".")[0], record.levelno))


def library_fields(record: logging.LogRecord) -> dict[str, Value]:
    """What is safe to tell about a record of somebody else."""
    fields: dict[str, Value] = {
        "logger": text(record.name),
        "source": text(f"{short_path(record.pathname)}:{record.lineno}"),
    }
    if record.args and isinstance(record.msg, str) and record.name.partition(".")[0] in _TEMPLATES_OF:
        fields["template"] = text(record.msg)
    return fields | exception_fields(exception_of(record.exc_info))


def take_over_logging(write: Write, *, level: int) -> None:
    """Make `write` the only place where the standard library's records and warnings go."""
    root = logging.getLogger()
    handler = LibraryHandler(write)
    handler.setLevel(level)
    root.handlers = [handler]
    root.setLevel(level)
    for name, quieter in _QUIETER.items():
        logging.getLogger(name).setLevel(max(level, quieter))
    # It prints the query string, which here is a session token; one event of ours takes its place.
    logging.getLogger("aiohttp.access").disabled = True
    logging.captureWarnings(capture=True)
    # When a handler fails, `logging` would print the record's message and arguments to stderr.
    logging.raiseExceptions = False


def take_over_errors(write: Write) -> None:
    """Let errors that nobody caught be events too, instead of a trace with message on stderr."""

    def unhandled(source: str, exc: BaseException | None, **fields: Value) -> None:
        write(UNHANDLED, "CRITICAL", {"source": source, **fields, **exception_fields(exc)})

    def from_process(_: type[BaseException], exc: BaseException, __: TracebackType | None) -> None:
        unhandled("process", exc)

    def from_thread(args: threading.ExceptHookArgs) -> None:
        unhandled("thread", args.exc_value)

    def from_finalizer(args: "UnraisableHookArgs") -> None:
        unhandled("finalizer", args.exc_value)

    def from_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        reason = context.get("message")
        fields: dict[str, Value] = {"template": reason} if reason in _FIXED_REASONS else {}
        unhandled("event loop", exception_of(context.get("exception")), **fields)

    sys.excepthook = from_process
    threading.excepthook = from_thread
    sys.unraisablehook = from_finalizer
    try:
        asyncio.get_running_loop().set_exception_handler(from_loop)
    except RuntimeError:
        return  # configured before any loop runs; asyncio's own handler then logs through `logging`
