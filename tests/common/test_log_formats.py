"""`LOG_FORMAT`: the same line under the names of another log store."""

import io
import json
import logging
from typing import Any

import pytest

from common.log import bound, configure_logging, get_logger
from common.log_catalogue import ERROR_TYPE, HTTP_RESPONSE_STATUS_CODE, STEP
from common.log_contract import Event
from common.log_fields import clean
from common.log_formats import FORMATS, Format, renderer
from tests.common.log_lines import PROCESS, Lines, Terminal, logging_into

EVENTS = (Event("step.failed", "error", (STEP, HTTP_RESPONSE_STATUS_CODE, ERROR_TYPE), "A step went wrong."),)

log = get_logger()


def lines_in(log_format: Format) -> Lines:
    """A line with something of everything, in this format."""
    stream = io.StringIO()
    login = {"tenant": "acme", "transaction_id": "tx1", "trace_id": "t1", "span_id": "s1"}
    with logging_into(stream, EVENTS), bound(**login):
        configure_logging(service="gateway", events=EVENTS, log_format=log_format, stream=stream)
        log.error("step.failed", step="idproof", http_response_status_code=500, exc_info=KeyError("a secret"))
    return Lines(stream)


def line_in(log_format: Format) -> dict[str, Any]:
    (line,) = lines_in(log_format).all
    return line


def test_json() -> None:
    """`json` has the names of the catalogue."""
    line = line_in("json")
    assert line == {
        "timestamp": line["timestamp"],
        "severity": "ERROR",
        "event": "step.failed",
        **PROCESS,
        "tenant": "acme",
        "transaction_id": "tx1",
        "trace_id": "t1",
        "span_id": "s1",
        "step": "idproof",
        "http_response_status_code": 500,
        "error_type": "KeyError",
        "exception_stacktrace": [],
    }


def test_ecs() -> None:
    """`ecs` has the names of the Elastic Common Schema; what it has no name for is under ours."""
    line = line_in("ecs")
    assert line == {
        "@timestamp": line["@timestamp"],
        "log.level": "ERROR",
        "message": "step.failed",
        "ecs.version": "8.11.0",
        "service.name": "gateway",
        "service.version": "0.1.0",
        "service.environment": "development",
        "waystation.tenant": "acme",
        "waystation.transaction_id": "tx1",
        "trace.id": "t1",
        "span.id": "s1",
        "waystation.step": "idproof",
        "http.response.status_code": 500,
        "error.type": "KeyError",
        "error.stack_trace": [],
    }


def test_gcp() -> None:
    """`gcp` has the names that Google Cloud Logging takes for its own; the rest is the payload."""
    line = line_in("gcp")
    assert line == {
        "time": line["time"],
        "severity": "ERROR",
        "message": "step.failed",
        **PROCESS,
        "tenant": "acme",
        "transaction_id": "tx1",
        "logging.googleapis.com/trace": "t1",
        "logging.googleapis.com/spanId": "s1",
        "step": "idproof",
        "http_response_status_code": 500,
        "error_type": "KeyError",
        "exception_stacktrace": [],
    }


def test_console() -> None:
    """`console` is a line of text, also where nobody sits."""
    text = lines_in("console").text
    assert "step.failed" in text
    assert not text.startswith("{")


class OwnText(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "step",
    [
        "idproof",
        'a "b" \\ /',
        "Zo\u00eb \u674e",
        OwnText("idproof"),
        7,
        -1.5,
        True,
        ["a", None],
        [],
        {"a": "b"},
    ],
)
def test_as_the_standard_library_writes_it(step: object) -> None:
    """A line is, byte for byte, what `json.dumps` makes of it."""
    line = {"event": "step.failed", "step": clean(step)}
    assert renderer("json", at_terminal=False)(None, "error", line) == json.dumps(line)


@pytest.mark.parametrize("log_format", ["ecs", "gcp"])
def test_nothing_but_names(log_format: Format) -> None:
    """A format renames: it has every value of the line, and no name twice."""
    ours, theirs = line_in("json"), line_in(log_format)
    theirs.pop("ecs.version", None)
    assert list(theirs.values())[1:] == list(ours.values())[1:]


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_terminal(log_format: Format) -> None:
    """A person at a terminal gets text, unless another store's names were asked for."""
    stream = Terminal()
    with logging_into(stream, EVENTS):
        configure_logging(service="gateway", events=EVENTS, log_format=log_format, stream=stream)
        log.error("step.failed", step="idproof", http_response_status_code=500)
    assert stream.getvalue().startswith("{") is (log_format in ("ecs", "gcp"))


@pytest.mark.parametrize("log_format", ["json", "ecs", "gcp"])
def test_a_library_too(log_format: Format) -> None:
    """What a library logs has the same names."""
    stream = io.StringIO()
    with logging_into(stream, EVENTS):
        configure_logging(service="gateway", events=EVENTS, log_format=log_format, stream=stream)
        logging.getLogger("asyncpg").warning("a secret")
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    names = {"json": ("event", "logger"), "ecs": ("message", "log.logger"), "gcp": ("message", "logger")}
    event, logger = names[log_format]
    assert (line[event], line[logger]) == ("library.message", "asyncpg")
