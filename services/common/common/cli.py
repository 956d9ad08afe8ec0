"""`waystation`: what operators do by hand.

Each service brings its own subjects (`waystation parked`, `waystation reviews`): an entry point of the group
`waystation.commands` names a function that adds them. So no service imports another, and an image has the
commands of the services that are in it.

Exit status: 0; 1 if it could not be done, or there was nothing to do; 2 for a mistake in the command or the
settings; 130 after Ctrl-C. Answers go to stdout, everything else to stderr.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points, version
from typing import Any, Final, TypeAlias

from common.cli_guide import CommandParser, Guide
from common.db import DatabaseUnavailableError, SchemaOutdatedError
from common.errors import WaystationError
from common.schema import queue_of, schema_of
from common.setting_examples import with_example
from common.settings import SettingsError, SettingsReader
from common.tenants import TenantsFileError
from common.vault import KeyFileMissingError

GROUP: Final = "waystation.commands"
FAILED, MISUSED, INTERRUPTED = 1, 2, 130
IDS_SHOWN = 5
_WORD = re.compile(r"[^\s\x00-\x1f\x7f]{1,80}")

# What `ArgumentParser.add_subparsers` returns: its class has no public name.
Subjects: TypeAlias = Any
# Set as the default `run` of a command; returns the exit status.
Run: TypeAlias = Callable[[argparse.Namespace, Mapping[str, str]], int]

_SENTENCES: Mapping[type[WaystationError], str] = {
    DatabaseUnavailableError: "The database does not answer ({})",
    KeyFileMissingError: "No file of DATA_KEY_FILES opens this ({})",
    SchemaOutdatedError: "The database lacks migrations ({}); run `waystation migrate` first",
}


class AmbiguousIdError(WaystationError):
    """What somebody typed is the beginning of several ids."""

    def __init__(self, beginning: str, ids: Sequence[str]) -> None:
        shown = ", ".join(printable(one) for one in ids[:IDS_SHOWN])
        more = ", and more" if len(ids) > IDS_SHOWN else ""
        super().__init__(f"several ids begin with {printable(beginning)}: {shown}{more}")


def main() -> int:
    return run(sys.argv[1:], os.environ)


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command of whichever service."""
    odd = [ascii(argument) for argument in arguments if not _is_text(argument)]
    if odd:
        complain(f"What is typed must be UTF-8, and this is not: {', '.join(odd)}.")
        return MISUSED
    options = create_parser().parse_args(arguments)
    command: Run = options.run
    try:
        return command(options, environ)
    except (SettingsError, TenantsFileError) as exc:
        service = _service_of(options, environ)
        complain("\n".join(with_example(mistake, service=service) for mistake in exc.mistakes))
        return MISUSED
    except WaystationError as exc:
        complain(sentence_of(exc))
        return FAILED
    except KeyboardInterrupt:
        complain("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our answer has enough of it; what is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _service_of(options: argparse.Namespace, environ: Mapping[str, str]) -> str | None:
    """Whose settings a command has read: always the same one's, or as it was told, or by the role."""
    guide: Guide = options.guide
    said = getattr(options, "service", None) or getattr(options, "schema", None)
    schema = said or schema_of(environ.get("DATABASE_URL", ""))
    return guide.service or (queue_of(schema) if schema else None)


def _is_text(argument: str) -> bool:
    """Python keeps bytes that are no UTF-8 as characters that nothing else takes."""
    return not any("\ud800" <= character <= "\udfff" for character in argument)


def create_parser() -> CommandParser:
    """Every command of the installed services."""
    parser = CommandParser(
        prog="waystation",
        guide=Guide(
            text="what operators do by hand",
            more="Run it where a service runs: it reads that service's settings from the environment. "
            "`waystation SUBJECT COMMAND --help` says which, with examples.",
            examples=("waystation doctor", "waystation transactions list --state waiting"),
        ),
    )
    shown = f"waystation {version('waystation')}"
    parser.add_argument("--version", action="version", version=shown, help="tell the release")
    subjects = parser.add_subparsers(required=True, metavar="SUBJECT")
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        entry.load()(subjects)
    return parser


def add_subject(subjects: Subjects, name: str, text: str) -> Subjects:
    """A subject that has commands."""
    parser: CommandParser = subjects.add_parser(name, help=text, guide=Guide(text=text))
    return parser.add_subparsers(required=True, metavar="COMMAND")


def add_command(commands: Subjects, name: str, guide: Guide, *, run: Run) -> CommandParser:
    """A command that `run` does, or a subject that is one."""
    parser: CommandParser = commands.add_parser(name, help=guide.text, guide=guide)
    parser.set_defaults(run=run, guide=guide)
    if guide.shape:
        parser.add_argument("--json", action="store_true", help="for programs")
    return parser


def read_database_url(reader: SettingsReader, *, schema: str) -> str:
    """That of the service whose schema it is; another service's sees nothing of it."""
    url = reader.secret_url("DATABASE_URL", schemes=("postgresql", "postgres"))
    found = schema_of(url)
    if found not in {None, schema}:
        reader.mistake(
            "DATABASE_URL", f"logs in for {queue_of(found or '')}; this command is about {queue_of(schema)}"
        )
    return url


def sentence_of(exc: WaystationError) -> str:
    """One plain sentence; no text of a foreign exception is in it."""
    text = _SENTENCES.get(type(exc), "{}").format(exc)
    return f"{text[:1].upper()}{text[1:]}."


def the_only_one(ids: Sequence[str], *, beginning: str) -> str | None:
    """The id that begins so, None if there is none; `ids` are all that do, or the first `IDS_SHOWN + 1`.

    Raises:
        AmbiguousIdError: there are several.
    """
    if len(ids) > 1 and beginning not in ids:
        raise AmbiguousIdError(beginning, ids)
    return beginning if beginning in ids else next(iter(ids), None)


def one_word(text: str) -> str:
    """The value of an option that the audit trail keeps."""
    if not _WORD.fullmatch(text):
        raise argparse.ArgumentTypeError("must be one word of at most 80 characters")
    return text


def number_of_rows(text: str) -> int:
    """The value of a `--limit`."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return int(text)


def add_limit(parser: argparse.ArgumentParser, *, default: int) -> None:
    parser.add_argument(
        "--limit",
        type=number_of_rows,
        default=default,
        metavar="NUMBER",
        help="at most so many (%(default)s)",
    )


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns; whatever a row holds, nothing in it steers the terminal."""
    shown = [tuple(printable(text) for text in row) for row in rows]
    lines = [tuple(columns), *shown]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip())


def printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


def say_json(content: object) -> None:
    """The one JSON value of a `--json`, on a line."""
    say(json.dumps(content))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
