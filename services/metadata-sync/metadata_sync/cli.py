"""`waystation parked list|show|redrive|drop`: looks after writes that a tenant refused for good.

Reads ENVIRONMENT and DATABASE_URL, and to drop something also DATA_KEY_FILES, as metadata-sync does.
"""

import argparse
import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from common.cli import Subjects, complain, number_of_rows, print_table, say
from common.db import Database, open_database
from common.messages import Kind
from common.settings import PRODUCTION, SettingsReader
from common.vault import Vault
from metadata_sync import parked
from metadata_sync.parked import Chosen, ParkedWrite

LIST_AT_MOST = 100
_COLUMNS = ("tenant", "user_id", "kind", "key", "rev", "reason", "age")


def add_commands(subjects: Subjects) -> None:
    """What metadata-sync adds to `waystation`."""
    writes = subjects.add_parser("parked", help="writes that a tenant refused for good")
    writes.set_defaults(run=_run)
    commands = writes.add_subparsers(required=True, metavar="COMMAND")

    listing = _command(commands, "list", _list, "what is parked, with reason and age")
    listing.add_argument("--tenant", help="of this tenant alone")
    listing.add_argument(
        "--limit", type=number_of_rows, default=LIST_AT_MOST, help="at most so many (%(default)s)"
    )
    listing.set_defaults(user_id=None)

    showing = _command(commands, "show", _show, "what of one user is parked, with the values")
    showing.add_argument("tenant")
    showing.add_argument("user_id")

    for name, command, text in (
        ("redrive", _redrive, "try again now"),
        ("drop", _drop, "give up; a newer write of the key is still tried"),
    ):
        changing = _command(commands, name, command, text)
        changing.add_argument("tenant")
        who = changing.add_mutually_exclusive_group(required=True)
        who.add_argument("user_id", nargs="?")
        who.add_argument("--all", action="store_true", help="of every user of the tenant")


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    environment = reader.environment()
    url = reader.secret_url("DATABASE_URL", schemes=("postgresql", "postgres"))
    # What is given up is noted in the audit trail, which names people by their data keys.
    options.keys = reader.keys("DATA_KEY_FILES") if options.command is _drop else ()
    reader.finish()
    return asyncio.run(_with_database(options, url, production=environment == PRODUCTION))


async def _with_database(options: argparse.Namespace, url: str, *, production: bool) -> int:
    async with open_database(
        url,
        schema="metadata_sync",
        application_name="waystation",
        production=production,
        pool_size=2,
        all_tenants=True,
    ) as database:
        chosen = Chosen(
            tenant=options.tenant,
            user_id=options.user_id,
            kind=options.kind,
            key=options.key,
            reason=options.reason,
        )
        done: int = await options.command(database, chosen, options)
    return 0 if done else 1


async def _list(database: Database, chosen: Chosen, options: argparse.Namespace) -> bool:
    found: list[ParkedWrite] = []
    async for write in parked.find_parked(database, chosen):
        if len(found) == options.limit:
            complain(f"There are more than {options.limit}; see --limit.")
            break
        found.append(write)
    if options.json:
        say(json.dumps([_as_json(write) for write in found]))
    else:
        _table([_row(write) for write in found])
    return True


async def _show(database: Database, chosen: Chosen, options: argparse.Namespace) -> int:
    found = [write async for write in parked.find_parked(database, chosen)]
    if options.json:
        say(json.dumps([_as_json(write) | {"value": write.value} for write in found]))
        return len(found)
    for write in found:
        say(
            f"{write.kind} {write.key} at rev {write.rev}: {write.reason}, {_age(write)} ago "
            f"({write.at.isoformat()})"
        )
        say(f"  {json.dumps(write.value)}")
    if not found:
        complain("Nothing of this user is parked.")
    return len(found)


async def _redrive(database: Database, chosen: Chosen, options: argparse.Namespace) -> int:
    return _counted(await parked.redrive(database, chosen), "redriven", options)


async def _drop(database: Database, chosen: Chosen, options: argparse.Namespace) -> int:
    return _counted(await parked.drop(database, chosen, vault=Vault(options.keys)), "dropped", options)


def _counted(count: int, what: str, options: argparse.Namespace) -> int:
    say(json.dumps({what: count}) if options.json else f"{what}: {count}")
    return count


def _command(commands: Any, name: str, command: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text.capitalize() + "."
    )
    parser.add_argument("--kind", choices=list(Kind), type=Kind, help="this kind of write alone")
    parser.add_argument("--key", help="this key alone")
    parser.add_argument("--reason", help="refused for this reason alone")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(command=command)
    return parser


def _as_json(write: ParkedWrite) -> dict[str, Any]:
    fields = asdict(write) | {"at": write.at.isoformat(), "age": round(write.age)}
    del fields["value"]
    return fields


def _row(write: ParkedWrite) -> tuple[str, ...]:
    return (write.tenant, write.user_id, write.kind, write.key, str(write.rev), write.reason, _age(write))


def _age(write: ParkedWrite) -> str:
    return str(timedelta(seconds=round(write.age)))


def _table(rows: list[tuple[str, ...]]) -> None:
    if rows:
        print_table(_COLUMNS, rows)
    else:
        complain("Nothing is parked.")
