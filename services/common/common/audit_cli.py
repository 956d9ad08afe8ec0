"""`waystation audit verify|show`: whether the audit trail of a service is whole, and what is in it.

Reads ENVIRONMENT and DATABASE_URL as one service does; the role in the address says whose trail it is.
"""

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from common.audit import find
from common.audit_chain import Finding, verify
from common.cli import (
    Subjects,
    add_command,
    add_limit,
    add_subject,
    complain,
    print_table,
    say,
    say_json,
)
from common.cli_database import open_for_command
from common.cli_guide import Guide
from common.db import Database
from common.schema import schema_of, schemas
from common.settings import PRODUCTION, SettingsReader

SHOW_AT_MOST = 100
_COLUMNS = ("number", "at", "tenant", "event", "transaction", "subject", "about", "outcome", "reasons")
_READS = ("ENVIRONMENT", "DATABASE_URL")
_SEAL = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


_Command: TypeAlias = Callable[[Database, argparse.Namespace, str], Awaitable[int]]


def add_commands(subjects: Subjects) -> None:
    """What is there whichever service is."""
    audit = add_subject(subjects, "audit", "what happened to whom, and whether that was changed since")
    verifying = _command(
        audit,
        "verify",
        _verify,
        Guide(
            text="check every entry and seal of the chain",
            more="Seals are logged (audit.sealed). Keep that log elsewhere: `--seal` proves that the trail "
            "still has the one that you name.",
            reads=_READS,
            examples=("waystation audit verify", "waystation audit verify --seal 17:DIGEST"),
            shape='{"ok", "broken", "begins", "seals", "entries", "head", "waiting", "waiting_since", '
            '"schema"}',
            fails="the trail is broken",
        ),
    )
    verifying.add_argument(
        "--seal", type=_known_seal, metavar="NUMBER:DIGEST", help="one that was logged (audit.sealed)"
    )
    showing = _command(
        audit,
        "show",
        _show,
        Guide(
            text="list the entries of a tenant or of a transaction, the newest last",
            reads=_READS,
            examples=("waystation audit show acme --limit 20", "waystation audit show TRANSACTION --json"),
            shape='[{"number", "at", "tenant", "event", "transaction_id", "subject", "about", "outcome", '
            '"reasons"}, …]',
            fails="there is no entry",
        ),
    )
    showing.add_argument("what", metavar="TENANT|TRANSACTION")
    add_limit(showing, default=SHOW_AT_MOST)


def _command(commands: Subjects, name: str, command: _Command, guide: Guide) -> argparse.ArgumentParser:
    parser = add_command(commands, name, guide, run=_run)
    parser.add_argument("--schema", choices=sorted(schemas()), help="whose, where the role does not say")
    parser.set_defaults(command=command)
    return parser


def _known_seal(text: str) -> tuple[int, str]:
    found = _SEAL.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError("must be NUMBER:DIGEST, as the log has it")
    return int(found[1]), found[2]


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    environment = reader.environment()
    url = reader.secret_url("DATABASE_URL", schemes=("postgresql", "postgres"))
    schema = options.schema or schema_of(url) or ""
    if url and not schema:
        reader.mistake("DATABASE_URL", "names no role of a service: say --schema")
    reader.finish()
    return asyncio.run(_with_database(options, url, schema=schema, production=environment == PRODUCTION))


async def _with_database(options: argparse.Namespace, url: str, *, schema: str, production: bool) -> int:
    async with open_for_command(url, schema=schema, production=production) as database:
        status: int = await options.command(database, options, schema)
    return status


async def _verify(database: Database, options: argparse.Namespace, schema: str) -> int:
    async with database.connection() as connection:
        found = await verify(connection, schema=schema, known=options.seal)
    if options.json:
        say_json(_as_json(found) | {"schema": schema})
    else:
        say(_sentence(found))
    return 0 if found.broken is None else 1


def _as_json(found: Finding) -> dict[str, Any]:
    return {
        "ok": found.broken is None,
        "broken": found.broken,
        "begins": found.begins,
        "seals": found.seals,
        "entries": found.entries,
        "head": found.head.hex() if found.head else None,
        "waiting": found.waiting,
        "waiting_since": found.waiting_since.isoformat() if found.waiting_since else None,
    }


def _sentence(found: Finding) -> str:
    held = f"{found.entries} entries in {found.seals} seals"
    begun = f", beginning with seal {found.begins}" if found.begins not in {None, 1} else ""
    since = f" since {found.waiting_since.isoformat()}" if found.waiting_since else ""
    waiting = f"; {found.waiting} wait for a seal{since}" if found.waiting else ""
    if found.broken is not None:
        return f"BROKEN at {found.broken}. Before that {held} hold{begun}{waiting}."
    head = f" Its last seal: {found.head.hex()}." if found.head else ""
    return f"The trail is whole: {held}{begun}{waiting}.{head}"


async def _show(database: Database, options: argparse.Namespace, _schema: str) -> int:
    async with database.connection() as connection:
        rows = await find(connection, what=options.what, limit=options.limit)
    listed = [_entry(row) for row in rows]
    if options.json:
        say_json(listed)
    elif listed:
        print_table(_COLUMNS, [tuple(_cell(value) for value in entry.values()) for entry in listed])
    else:
        complain("There is no entry.")
    return 0 if listed else 1


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": row["number"],
        "at": row["at"].isoformat(),
        "tenant": row["tenant"],
        "event": row["event"],
        "transaction_id": row["transaction_id"],
        "subject": row["subject"].hex() if row["subject"] else None,
        "about": row["about"],
        "outcome": row["outcome"],
        "reasons": list(row["reasons"]),
    }


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return "-" if value is None else str(value)
