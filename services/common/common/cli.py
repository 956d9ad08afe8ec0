"""`waystation`: what operators do by hand.

Each service brings its own subjects (`waystation parked`, `waystation reviews`): an entry point of the group
`waystation.commands` names a function that adds them. So no service imports another, and an image has the
commands of the services that are in it.

Exit status: 0; 1 if there was nothing to do or a server does not answer; 2 for a mistake in the command or
the environment.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, Final, TypeAlias

from common.errors import WaystationError
from common.settings import SettingsError

GROUP: Final = "waystation.commands"

# What `ArgumentParser.add_subparsers` returns: its class has no public name.
Subjects: TypeAlias = Any
# Set as the default `run` of a command; returns the exit status.
Run: TypeAlias = Callable[[argparse.Namespace, Mapping[str, str]], int]


def main() -> int:
    return run(sys.argv[1:], os.environ)


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command of whichever service."""
    options = _parser().parse_args(arguments)
    command: Run = options.run
    try:
        return command(options, environ)
    except SettingsError as exc:
        complain("\n".join(exc.mistakes))
        return 2
    except WaystationError as exc:
        complain(f"{type(exc).__name__}: {exc}")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="waystation", description="What operators do by hand.")
    subjects = parser.add_subparsers(required=True, metavar="SUBJECT")
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        entry.load()(subjects)
    return parser


def number_of_rows(text: str) -> int:
    """The value of a `--limit`."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns; whatever a row holds, nothing in it steers the terminal."""
    shown = [tuple(text if text.isprintable() else ascii(text) for text in row) for row in rows]
    lines = [tuple(columns), *shown]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip())


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
