"""Makes docs/log-events.md and docs/log-events.schema.json from the catalogues: `./dev log-events`."""

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from common.log_catalogue import ALWAYS, CONTEXT, DROPPED_FIELDS, EXCEPTION
from common.log_contract import About, Event, Field, Type
from common.log_events import BUILT_IN_EVENTS, COMMON_EVENTS
from tests.support.log_checker import (
    EVERY_SERVICE,
    MISTAKES,
    Example,
    examples_in,
    key_of,
    read_examples,
    write_examples,
)
from tests.support.log_contract import CATALOGUES, all_events, faults_of, schema_of
from tests.support.run_folder import ROOT

PAGE = ROOT / "docs" / "log-events.md"
SCHEMAS = ROOT / "docs" / "log-events.schema.json"

Examples: TypeAlias = Mapping[tuple[str, str], Example]

_SHARED = (*BUILT_IN_EVENTS, *COMMON_EVENTS)
_TYPES = {
    Type.TEXT: "text",
    Type.INTEGER: "whole number",
    Type.NUMBER: "number",
    Type.FLAG: "true or false",
    Type.TEXTS: "list of texts",
}
_NAMES = {
    About.PROCESS: "",
    About.TENANT: ", always with `tenant`",
    About.LOGIN: ", always with `tenant` and `transaction_id`",
}
_INTRODUCTION = """\
# Log events

Made by `./dev log-events` from the catalogues in `services/*/*/log_events.py`; `./dev check` refuses a
stale page.

Each service writes one flat JSON object a line to stdout. There is no other event than those below, and no
other field in one: [log-events.schema.json](log-events.schema.json) has a JSON Schema for each, by service
and event. The tests hold every line that a service process writes against them, and each event happens in
one, but for the three that only a mistake of ours would write. The examples are lines of such tests. No line
holds a token, a name, an e-mail address, a document, an address of the network or the text of an exception.

A field has the same name, type and unit wherever it occurs, and the name of OpenTelemetry's attribute where
there is one, with underscores for dots: most stores flatten nested objects, each in its own way. A field
that has no value is left out. A text ends after 200 characters, a list after 20 items.

What the code logs though no catalogue has it is not lost: a field is left out and counted in
`dropped_fields`, an event becomes `log.unknown_event`, and `waystation_log_uncatalogued_total` counts both.
"""
_FORMATS = """\
## Formats

`LOG_FORMAT` names the same fields as another store wants them, and changes no value. The schemas are about
`json`.

- `json`: as on this page; at a terminal as `console`.
- `ecs`: the Elastic Common Schema. `@timestamp`, `log.level`, `message` (the event), `service.*`, `trace.id`,
  `span.id`, `error.*`, `http.*`, `log.logger`, `ecs.version`; everything else stands under `waystation.`.
- `gcp`: Google Cloud Logging. `time`, `message` (the event), `severity`, `logging.googleapis.com/trace` and
  `/spanId`; where it shall link to traces, let the collector put `projects/PROJECT/traces/` before the trace.
- `console`: a line of text in colour, for a person.

## What to index

A store that keeps an index by label (Loki) gets {labels}
as labels and nothing else: their values are few. Whatever names a tenant, a login or a person's step belongs
in the line, or in structured metadata.
"""


def page(examples: Examples) -> str:
    """The whole page."""
    labels = ", ".join(f"`{field.name}`" for field in ALWAYS if field.label)
    return "\n".join(
        [
            _INTRODUCTION,
            "## Fields of every line\n",
            "Every line has:\n",
            *_table(ALWAYS),
            "\nWhere it is known:\n",
            *_table(CONTEXT),
            "\nWhere there was an exception:\n",
            *_table(EXCEPTION),
            "\nAnd, by mistake alone:\n",
            *_table((DROPPED_FIELDS,)),
            "",
            _FORMATS.format(labels=labels),
            "## Every service\n",
            *_sections(EVERY_SERVICE, _SHARED, examples=examples),
            *(line for service in CATALOGUES for line in _of_service(service, examples=examples)),
        ]
    )


def schemas() -> str:
    """Every schema, one a line, by service and event."""
    lines = [
        f"{json.dumps(f'{service}/{event.name}')}: {json.dumps(schema_of(service, event))}"
        for service, event in all_events()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _of_service(service: str, *, examples: Examples) -> Iterator[str]:
    yield f"## {service}\n"
    own = [event for event in CATALOGUES[service] if event not in _SHARED]
    yield from _sections(service, own, examples=examples)


def _sections(whose: str, events: Iterable[Event], *, examples: Examples) -> Iterator[str]:
    for event in events:
        level = "at any level" if event.at_any_level else event.level
        yield f"### {event.name}\n"
        yield f"`{level}`{_NAMES[event.about]}. {event.meaning}\n"
        if event.do:
            yield f"**What to do.** {event.do}\n"
        if event.fields:
            yield from _table(event.fields)
            yield ""
        if example := examples.get((whose, event.name)):
            yield f"```json\n{json.dumps(example.line)}\n```\n"


def _table(fields: Iterable[Field]) -> Iterator[str]:
    yield "| field | type | |"
    yield "|---|---|---|"
    for field in fields:
        yield f"| `{field.name}` | {_type(field)} | {field.meaning} |"


def _type(field: Field) -> str:
    words = _TYPES[field.type]
    if field.unit:
        words += f", {field.unit}"
    if field.values:
        words += ": " + ", ".join(f"`{value}`" for value in field.values)
    return words if field.required else f"{words}; not always"


def merged(kept: Examples, recorded: Iterable[Example]) -> dict[tuple[str, str], Example]:
    """The kept examples that are right; for an event that has none, a recorded one."""
    known = {key_of({"service_name": service, "event": event.name}) for service, event in all_events()}
    right = {key for key, one in kept.items() if key[1] in MISTAKES or not faults_of(one.line)}
    examples = {key: kept[key] for key in known & right}
    for one in recorded:
        if key_of(one.line) in known:
            examples.setdefault(key_of(one.line), replace(one, line=_elsewhere(one.line)))
    return dict(sorted(examples.items()))


def _elsewhere(line: dict[str, Any]) -> dict[str, Any]:
    """The line as a container would have written it: a file of this machine becomes one of an image."""
    files = re.compile(r"/[^\s:]*/(?=[^\s/:]+:\d+:)")
    return {
        name: [files.sub("/etc/waystation/", text) for text in value] if name == "mistakes" else value
        for name, value in line.items()
    }


def main() -> int:
    """Write what is stale, or with --check only tell."""
    parser = argparse.ArgumentParser(prog="./dev log-events")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1: something is stale")
    parser.add_argument("--examples", type=Path, metavar="FOLDER", help="take what is missing from there")
    options = parser.parse_args()
    if options.examples:
        recorded = [one for file in sorted(options.examples.iterdir()) for one in examples_in(file)]
        write_examples(merged(read_examples(), recorded).values())
    wanted = {PAGE: page(read_examples()), SCHEMAS: schemas()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"stale: {path.relative_to(ROOT)}")
        if not options.check:
            path.write_text(wanted[path])
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
