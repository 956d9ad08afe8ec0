"""`waystation parked list|show|redrive|drop`: looks after writes that a tenant refused for good.

Reads ENVIRONMENT and DATABASE_URL, and to drop something also DATA_KEY_FILES, as metadata-sync does.
"""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, TypeAlias

from common.cli import (
    Subjects,
    add_command,
    add_limit,
    add_subject,
    complain,
    print_table,
    read_database_url,
    say,
    say_json,
)
from common.cli_database import open_for_command
from common.cli_guide import Guide
from common.db import Database
from common.messages import Kind
from common.settings import PRODUCTION, SettingsReader
from common.vault import Vault
from metadata_sync import parked
from metadata_sync.parked import Chosen, ParkedWrite

LIST_AT_MOST = 100
_COLUMNS = ("tenant", "user_id", "kind", "key", "rev", "reason", "age")


_READS = ("ENVIRONMENT", "DATABASE_URL")
_SHAPE = '{"tenant", "user_id", "kind", "key", "rev", "reason", "at", "age": SECONDS}'

_Command: TypeAlias = Callable[[Database, Chosen, argparse.Namespace], Awaitable[int]]


def add_commands(subjects: Subjects) -> None:
    """What metadata-sync adds to `waystation`."""
    writes = add_subject(subjects, "parked", "writes that a tenant refused for good")
    listing = _command(
        writes,
        "list",
        _list,
        Guide(
            text="list what is parked, with reason and age",
            reads=_READS,
            of="metadata-sync",
            examples=("waystation parked list --tenant acme --reason user_not_found",),
            shape=f"[{_SHAPE}, …]",
            fails="never",
        ),
    )
    listing.add_argument("--tenant", help="of this tenant alone")
    add_limit(listing, default=LIST_AT_MOST)
    listing.set_defaults(user_id=None)
    showing = _command(
        writes,
        "show",
        _show,
        Guide(
            text="show what of one user is parked, with the values",
            reads=_READS,
            of="metadata-sync",
            examples=("waystation parked show acme 'auth0|0123'",),
            shape=f'[{_SHAPE[:-1]}, "value"}}, …]',
            fails="nothing of this user is parked",
        ),
    )
    showing.add_argument("tenant")
    showing.add_argument("user_id")
    _add_change(
        writes,
        "redrive",
        _redrive,
        Guide(
            text="try again now",
            more="They are written within the tenant's budget, behind what people wait for.",
            reads=_READS,
            of="metadata-sync",
            examples=(
                "waystation parked redrive acme 'auth0|0123'",
                "waystation parked redrive acme --all --reason payload_refused",
            ),
            shape='{"redriven": NUMBER}',
            fails="nothing was parked that fits",
        ),
    )
    _add_change(
        writes,
        "drop",
        _drop,
        Guide(
            text="give up; a newer write of the key is still tried",
            more="The audit trail says so, and names people by their data keys: hence DATA_KEY_FILES.",
            reads=(*_READS, "DATA_KEY_FILES"),
            of="metadata-sync",
            examples=("waystation parked drop acme 'auth0|0123' --key waystation_idproof",),
            shape='{"dropped": NUMBER}',
            fails="nothing was parked that fits",
        ),
    )


def _add_change(commands: Subjects, name: str, command: _Command, guide: Guide) -> None:
    parser = _command(commands, name, command, guide)
    parser.add_argument("tenant")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("user_id", nargs="?")
    who.add_argument("--all", action="store_true", help="of every user of the tenant")


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    environment = reader.environment()
    url = read_database_url(reader, schema="metadata_sync")
    # What is given up is noted in the audit trail, which names people by their data keys.
    options.keys = reader.keys("DATA_KEY_FILES") if options.command is _drop else ()
    reader.finish()
    return asyncio.run(_with_database(options, url, production=environment == PRODUCTION))


async def _with_database(options: argparse.Namespace, url: str, *, production: bool) -> int:
    async with open_for_command(url, schema="metadata_sync", production=production) as database:
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
        say_json([_as_json(write) for write in found])
    else:
        _table([_row(write) for write in found])
    return True


async def _show(database: Database, chosen: Chosen, options: argparse.Namespace) -> int:
    found = [write async for write in parked.find_parked(database, chosen)]
    if options.json:
        say_json([_as_json(write) | {"value": write.value} for write in found])
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
    if options.json:
        say_json({what: count})
    elif count:
        say(f"{what}: {count}")
    else:
        complain("Nothing was parked that fits.")
    return count


def _command(commands: Subjects, name: str, command: _Command, guide: Guide) -> argparse.ArgumentParser:
    parser = add_command(commands, name, guide, run=_run)
    parser.add_argument("--kind", choices=list(Kind), type=Kind, help="this kind of write alone")
    parser.add_argument("--key", help="this key alone")
    parser.add_argument("--reason", help="refused for this reason alone")
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
