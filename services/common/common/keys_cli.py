"""`waystation keys status|rotate`: which key files the data keys need, and wrapping them all by the newest.

Reads ENVIRONMENT, DATABASE_URL and DATA_KEY_FILES as one service does; the role in the address says whose
data keys they are.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

from common.cli import Subjects, add_command, add_subject, complain, print_table, say, say_json
from common.cli_database import open_for_command
from common.cli_guide import Guide
from common.db import Database
from common.keys import Rotation, Standing
from common.schema import schema_of, schemas
from common.settings import PRODUCTION, SettingsReader
from common.vault import Vault

_READS = ("ENVIRONMENT", "DATABASE_URL", "DATA_KEY_FILES")
_SHAPE = '{"files": [KEY_ID, …], "data_keys": {KEY_ID: NUMBER}, "remaining", "unreadable"}'

_Command: TypeAlias = Callable[[Rotation, argparse.Namespace], Awaitable[int]]


def add_commands(subjects: Subjects) -> None:
    """What is there whichever service is."""
    keys = add_subject(subjects, "keys", "what the data keys of people are wrapped by")
    _command(
        keys,
        "status",
        _status,
        Guide(
            text="tell how many data keys need which key file",
            reads=_READS,
            examples=("waystation keys status",),
            shape=_SHAPE,
            fails="some data keys need a file that DATA_KEY_FILES does not name",
        ),
    )
    rotating = _command(
        keys,
        "rotate",
        _rotate,
        Guide(
            text="wrap every data key by the first file",
            more="Put the new file first in DATA_KEY_FILES of every replica before, and take the old one out "
            "after. Stop and begin again as you like.",
            reads=_READS,
            examples=("waystation keys rotate --dry-run", "waystation keys rotate"),
            shape=_SHAPE[:-1] + ', "rewrapped"}',
            fails="some data keys are not wrapped by the first file yet, or cannot be unwrapped",
        ),
    )
    rotating.add_argument("--dry-run", action="store_true", help="change nothing, only tell")


def _command(commands: Subjects, name: str, command: _Command, guide: Guide) -> argparse.ArgumentParser:
    parser = add_command(commands, name, guide, run=_run)
    parser.add_argument("--schema", choices=sorted(schemas()), help="whose, where the role does not say")
    parser.set_defaults(command=command)
    return parser


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    environment = reader.environment()
    url = reader.secret_url("DATABASE_URL", schemes=("postgresql", "postgres"))
    keys = reader.keys("DATA_KEY_FILES")
    schema = options.schema or schema_of(url) or ""
    if not schema:
        reader.mistake("DATABASE_URL", "names no role of a service: say --schema")
    reader.finish()
    opening = open_for_command(url, schema=schema, production=environment == PRODUCTION)
    return asyncio.run(_with_database(options, opening, vault=Vault(keys)))


async def _with_database(
    options: argparse.Namespace, opening: AbstractAsyncContextManager[Database], *, vault: Vault
) -> int:
    async with opening as database:
        rotation = Rotation(database=database, vault=vault)
        status: int = await options.command(rotation, options)
    return status


async def _status(rotation: Rotation, options: argparse.Namespace) -> int:
    return _tell(await rotation.standing(), options)


async def _rotate(rotation: Rotation, options: argparse.Namespace) -> int:
    if options.dry_run:
        return _tell(await rotation.standing(), options)
    count = await rotation.rotate()
    return _tell(await rotation.standing(), options, rewrapped=count)


def _tell(standing: Standing, options: argparse.Namespace, *, rewrapped: int | None = None) -> int:
    """1 while the first file does not wrap them all after a rotation, or where some cannot be unwrapped."""
    if options.json:
        said: dict[str, Any] = {
            "files": standing.files,
            "data_keys": standing.counts,
            "remaining": standing.remaining,
            "unreadable": standing.unreadable,
        }
        say_json(said | ({} if rewrapped is None else {"rewrapped": rewrapped}))
    else:
        if rewrapped is not None:
            say(f"Wrapped anew: {rewrapped}.")
        _show(standing)
    if standing.unreadable:
        complain("Some data keys need a file that DATA_KEY_FILES does not name.")
    is_done = rewrapped is None or standing.remaining == 0
    return 0 if is_done and not standing.unreadable else 1


def _show(standing: Standing) -> None:
    if standing.counts:
        print_table(("key", "file", "data keys"), _rows(standing))
    else:
        complain("There are no data keys yet.")


def _rows(standing: Standing) -> list[tuple[str, str, str]]:
    ids = (*standing.files, *(key_id for key_id in standing.counts if key_id not in standing.files))
    return [
        (
            key_id,
            str(standing.files.index(key_id) + 1) if key_id in standing.files else "missing",
            str(standing.counts.get(key_id, 0)),
        )
        for key_id in ids
    ]
