"""Logging into a string instead of stdout, with everything global put back afterwards."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from common.log import configure_logging
from common.log_contract import Event

# What every line says of the process that wrote it.
PROCESS = {
    "service_name": "gateway",
    "service_version": "0.1.0",
    "deployment_environment_name": "development",
}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Lines:
    """What was written, line by line."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        """The last line, without what differs from run to run."""
        line = self.all[-1]
        assert line.pop("timestamp")
        return line


@contextmanager
def logging_into(
    stream: io.StringIO, events: Iterable[Event], *, level: str = "info", strict: bool = False
) -> Iterator[Lines]:
    """Configured logging for the length of the block."""
    root, access = logging.getLogger(), logging.getLogger("aiohttp.access")
    before = (root.handlers, root.level, logging.raiseExceptions, access.disabled)
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    structlog.contextvars.clear_contextvars()
    try:
        configure_logging(service="gateway", events=events, level=level, strict=strict, stream=stream)
        yield Lines(stream)
    finally:
        root.handlers, level_before, logging.raiseExceptions, access.disabled = before
        root.setLevel(level_before)
        logging.captureWarnings(capture=False)
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
