"""`LOG_FORMAT`: the same line as another log store calls its fields, by renaming alone.

`json` is the catalogue's own form; docs/log-events.md and its schemas are about it. `ecs` is the Elastic
Common Schema, in which what has no name there stands under `waystation.`; `gcp` is Google Cloud Logging's
structured payload; `console` is a line of text in colour for a person, which `json` is too at a terminal.
"""

import json
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, Literal, TypeAlias

import msgspec
import structlog

Format: TypeAlias = Literal["json", "ecs", "gcp", "console"]
FORMATS: tuple[Format, ...] = ("json", "ecs", "gcp", "console")

Render: TypeAlias = Callable[[object, str, MutableMapping[str, Any]], str]

_ECS_VERSION = {"ecs.version": "8.11.0"}
_ECS: Final = {
    "timestamp": "@timestamp",
    "severity": "log.level",
    "event": "message",
    "service_name": "service.name",
    "service_version": "service.version",
    "deployment_environment_name": "service.environment",
    "trace_id": "trace.id",
    "span_id": "span.id",
    "error_type": "error.type",
    "exception_stacktrace": "error.stack_trace",
    "http_request_method": "http.request.method",
    "http_response_status_code": "http.response.status_code",
    "logger": "log.logger",
}
_OWN: Final = "waystation."
_GCP: Final = {
    "timestamp": "time",
    "event": "message",
    "trace_id": "logging.googleapis.com/trace",
    "span_id": "logging.googleapis.com/spanId",
}
_OURS_IN_ECS: Final = {theirs: ours for ours, theirs in _ECS.items()}
_OURS_IN_GCP: Final = {theirs: ours for ours, theirs in _GCP.items()}

_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)  # a text may be of a class of its own


def renderer(log_format: Format, *, at_terminal: bool) -> Render:
    """What makes text of a line; the last processor."""
    match log_format:
        case "ecs":
            return _as_ecs
        case "gcp":
            return _as_gcp
        case "json" if not at_terminal:
            return _as_json
        case _:
            return _as_text()


def in_our_words(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of any format in JSON, with its fields called as in `json`."""
    ours = _OURS_IN_ECS if _ECS_VERSION.keys() <= line.keys() else _OURS_IN_GCP
    return {
        ours.get(name, name.removeprefix(_OWN)): value
        for name, value in line.items()
        if name not in _ECS_VERSION
    }


def _encode(line: Mapping[str, Any]) -> str:
    """As `json.dumps`, but for a number's exponent; it takes three times as long, and writes non-ASCII."""
    encoded = msgspec.json.format(_ENCODER.encode(line), indent=0).decode()
    return encoded if encoded.isascii() else json.dumps(line)


def _as_json(_: object, __: str, line: Mapping[str, Any]) -> str:
    return _encode(line)


def _as_ecs(_: object, __: str, line: Mapping[str, Any]) -> str:
    named = {_ECS.get(name, f"{_OWN}{name}"): value for name, value in line.items()}
    return _encode(named | _ECS_VERSION)


def _as_gcp(_: object, __: str, line: Mapping[str, Any]) -> str:
    return _encode({_GCP.get(name, name): value for name, value in line.items()})


def _as_text() -> Render:
    console = structlog.dev.ConsoleRenderer(sort_keys=False)

    def render(_: object, level: str, line: MutableMapping[str, Any]) -> str:
        named = {"level": line.pop("severity").lower(), **line}
        return str(console(None, level, named))

    return render
