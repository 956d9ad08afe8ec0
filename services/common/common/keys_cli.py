"""`waystation keys status|rotate`: which key files the data keys need, and wrapping them all by the newest.

Reads ENVIRONMENT, DATABASE_URL and DATA_KEY_FILES as one service does; the role in the address says whose
data keys they are.
"""

import argparse
import asyncio
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from common.cli import Subjects, complain, print_table, say
from common.db import Database, open_database
from common.keys import Rotation, Standing
from common.schema import role_of, schemas
from common.settings import PRODUCTION, SettingsReader
from common.vault import Vault


def add_commands(subjects: Subjects) -> None:
    """What is there whichever service is."""
    keys = subjects.add_parser("keys", help="what the data keys of people are wrapped by")
    keys.set_defaults(run=_run)
    commands = keys.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("status", _status, "how many data keys need which key file"),
        ("rotate", _rotate, "wrap every data key by the first file; stop and begin again as you like"),
    ):
        parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        parser.add_argument("--schema", choices=sorted(schemas()), help="whose, where the role does not say")
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.set_defaults(command=command)
        if command is _rotate:
            parser.add_argument("--dry-run", action="store_true", help="change nothing, only tell")


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    environment = reader.environment()
    url = reader.secret_url("DATABASE_URL", schemes=("postgresql", "postgres"))
    keys = reader.keys("DATA_KEY_FILES")
    schema = options.schema or _schema_of(url)
    if schema is None:
        reader.mistake("DATABASE_URL", "names no role of a service: say --schema")
    reader.finish()
    opening = partial(
        open_database,
        url,
        application_name="waystation",
        production=environment == PRODUCTION,
        pool_size=2,
        all_tenants=True,
    )
    return asyncio.run(_with_database(options, opening(schema=schema or ""), vault=Vault(keys)))


def _schema_of(url: str) -> str | None:
    """The schema of the service whose role is in the address."""
    role = urlsplit(url).username
    return next((schema for schema in schemas() if role_of(schema) == role), None)


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
        say(json.dumps(said | ({} if rewrapped is None else {"rewrapped": rewrapped})))
    else:
        if rewrapped is not None:
            say(f"Wrapped anew: {rewrapped}.")
        print_table(("key", "file", "data keys"), _rows(standing))
    if standing.unreadable:
        complain("Some data keys need a file that DATA_KEY_FILES does not name.")
    is_done = rewrapped is None or standing.remaining == 0
    return 0 if is_done and not standing.unreadable else 1


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
