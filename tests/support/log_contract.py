"""The catalogues of log events of all services, their JSON Schemas, and lines held against them."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from common.log_catalogue import ALWAYS, CONTEXT, DROPPED_FIELDS, EXCEPTION, TENANT, TRANSACTION_ID
from common.log_contract import About, Event, Field, Type
from common.log_events import BUILT_IN_EVENTS, UNKNOWN_EVENT
from gateway.log_events import EVENTS as GATEWAY
from metadata_sync.log_events import EVENTS as METADATA_SYNC
from proofing.log_events import EVENTS as PROOFING

CATALOGUES: dict[str, tuple[Event, ...]] = {
    "gateway": (*BUILT_IN_EVENTS, *GATEWAY),
    "proofing": (*BUILT_IN_EVENTS, *PROOFING),
    "metadata-sync": (*BUILT_IN_EVENTS, *METADATA_SYNC),
}
_EVENTS = {(service, event.name): event for service, events in CATALOGUES.items() for event in events}
_TYPES = {Type.INTEGER: "integer", Type.NUMBER: "number", Type.FLAG: "boolean"}
_BOUND = {About.PROCESS: (), About.TENANT: (TENANT,), About.LOGIN: (TENANT, TRANSACTION_ID)}
MOST_ITEMS = 20


def all_events() -> Iterator[tuple[str, Event]]:
    """Every event with the service that writes it; those of all services once for each."""
    for (service, _), event in _EVENTS.items():
        yield service, event


def all_fields() -> dict[str, Field]:
    """Every field by its name, as the catalogue declares it: what every line may have, then events' own."""
    fields = {field.name: field for field in (*ALWAYS, *CONTEXT, *EXCEPTION, DROPPED_FIELDS)}
    for _, event in all_events():
        for field in event.fields:
            fields.setdefault(field.name, field)
    return fields


def schema_of(service: str, event: Event) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the event's lines; nothing else may stand in one."""
    fixed = {
        "event": {"const": event.name},
        "service_name": {"const": service},
        "severity": {"enum": [level.upper() for level in event.levels]},
    }
    fields = {field.name: field for field in (*ALWAYS, *CONTEXT, *EXCEPTION, *event.fields)}
    bound = {field.name for field in _BOUND[event.about]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{service}: {event.name}",
        "description": event.meaning,
        "type": "object",
        "properties": {name: fixed.get(name) or _schema_of_field(field) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.required or name in bound],
        "additionalProperties": False,
    }


def _schema_of_field(field: Field) -> dict[str, Any]:
    if field.type in _TYPES:
        whole = {"minimum": 0} if field.type is Type.INTEGER else {}
        return {"type": _TYPES[field.type], **whole}
    text: dict[str, Any] = {"type": "string"}
    if field.values:
        text["enum"] = list(field.values)
    if field.pattern:
        text["pattern"] = field.pattern
    return {"type": "array", "maxItems": MOST_ITEMS, "items": text} if field.type is Type.TEXTS else text


@cache
def _validator(service: str, name: str) -> jsonschema_rs.Draft202012Validator | None:
    event = _EVENTS.get((service, name))
    return jsonschema_rs.Draft202012Validator(schema_of(service, event)) if event else None


def faults_of(line: Mapping[str, Any]) -> list[str]:
    """What of a line is not as the catalogues have it, in words; nothing is right."""
    service, name = str(line.get("service_name")), str(line.get("event"))
    validator = _validator(service, name)
    if validator is None:
        return [f"{service} has no event {name}"]
    faults = [f"{service}: {name}: {_in_words(error)}" for error in validator.iter_errors(dict(line))]
    if name == UNKNOWN_EVENT:
        faults.append(f"{service} logged something unknown at {line.get('source')}")
    return faults


def _in_words(error: jsonschema_rs.ValidationError) -> str:
    place = "/".join(map(str, error.instance_path))
    return f"{place}: {error.message}" if place else error.message
