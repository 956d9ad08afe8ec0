"""`waystation migrate`: what `python -m common.migrate` does, with a look before."""

import argparse
import asyncio
from collections.abc import Mapping

from common.cli import FAILED, Subjects, add_command, complain, say, say_json
from common.cli_guide import Guide
from common.migrate import FAILURES, migrate, missing_migrations
from common.settings import SettingsReader


def add_commands(subjects: Subjects) -> None:
    """What is there whichever service is."""
    parser = add_command(
        subjects,
        "migrate",
        Guide(
            text="bring roles, schemas, tables and rights to this release",
            more="As often as you like. The role of the address may create roles and schemas; the services' "
            "own may not. Roles that are made have no password and cannot log in until you give them one.",
            reads=("ENVIRONMENT", "MIGRATE_DATABASE_URL"),
            of="nobody but this command",
            examples=("waystation migrate --dry-run", "waystation migrate"),
            shape='{"applied": [NAME, …]}; with --dry-run {"missing": [NAME, …]}',
            fails="the database does not answer or refuses; nothing of the migration that failed is left",
        ),
        run=_run,
    )
    parser.add_argument("--dry-run", action="store_true", help="change nothing, only tell what is missing")


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    reader.environment()
    url = reader.secret_url(
        "MIGRATE_DATABASE_URL", schemes=("postgresql", "postgres"), for_administration=True
    )
    reader.finish()
    what, work = ("missing", missing_migrations) if options.dry_run else ("applied", migrate)
    try:
        names = asyncio.run(work(url))
    except FAILURES as exc:
        complain(f"The database cannot be migrated: {type(exc).__name__}.")
        return FAILED
    if options.json:
        say_json({what: names})
    elif names:
        say("\n".join(names))
    else:
        complain("Nothing is missing." if options.dry_run else "Nothing to apply: all is there.")
    return 0
