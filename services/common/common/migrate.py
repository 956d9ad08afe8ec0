"""`python -m common.migrate`: roles, schemas, migrations and grants, as often as you like.

Reads ENVIRONMENT and MIGRATE_DATABASE_URL, a role that may create roles and schemas. Passwords of the runtime
roles are the operator's: a role made here has none and cannot log in until it is given one.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

import asyncpg

from common.migrate_rights import AdminConnection, build_walls, ensure_roles, grant, narrow_functions
from common.schema import OWNER, Migration, schemas
from common.setting_examples import with_example
from common.settings import SettingsError, SettingsReader

# What ends a migration that is no mistake of the settings: no database, or one that refuses.
FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

_LOCK = 0x57415953  # one migration run at a time in a database


class MigrationEditedError(SettingsError):
    """A file that was applied before has changed since; migrations are append-only."""


async def migrate(url: str) -> list[str]:
    """Bring the database to what the installed packages expect; returns the names of what was applied."""
    connection = await asyncpg.connect(url, timeout=10, command_timeout=60)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await ensure_roles(connection, schemas())
        applied = []
        for schema, migrations in schemas().items():
            await _ensure_schema(connection, schema)
            applied += [m.name for m in migrations if await _apply(connection, schema, m)]
            # First what nobody may pass, then the rights: no table is open in between.
            await build_walls(connection, schema)
            await narrow_functions(connection, schema)
            await grant(connection, schema)
        return applied
    finally:
        await connection.close()


async def missing_migrations(url: str) -> list[str]:
    """What `migrate` would apply, in that order; nothing is changed."""
    connection = await asyncpg.connect(url, timeout=10, command_timeout=60)
    try:
        return [
            f"{schema}: {migration.name}"
            for schema, migrations in schemas().items()
            for migration in await _missing(connection, schema, migrations)
        ]
    finally:
        await connection.close()


async def _missing(
    connection: AdminConnection, schema: str, migrations: Sequence[Migration]
) -> list[Migration]:
    if not await connection.fetchval("SELECT to_regclass($1)", f"{schema}.schema_migrations"):
        return list(migrations)
    rows = await connection.fetch(f"SELECT name FROM {schema}.schema_migrations")  # noqa: S608 - the schema's name comes from our own package metadata
    applied = {row["name"] for row in rows}
    return [migration for migration in migrations if migration.name not in applied]


async def _ensure_schema(connection: AdminConnection, schema: str) -> None:
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {OWNER}")
    await connection.execute(f"""
        CREATE TABLE IF NOT EXISTS {schema}.schema_migrations (
            name       text        PRIMARY KEY,
            digest     text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )""")


async def _apply(connection: AdminConnection, schema: str, migration: Migration) -> bool:
    table = f"{schema}.schema_migrations"
    known = await connection.fetchval(f"SELECT digest FROM {table} WHERE name = $1", migration.name)  # noqa: S608 - the table's name comes from our own package metadata
    if known == migration.digest:
        return False
    if known is not None:
        raise MigrationEditedError((f"{schema}: {migration.name} was edited after it had been applied",))
    async with connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {OWNER}")
        await connection.execute(f"SET LOCAL search_path TO {schema}")
        await connection.execute("SET LOCAL lock_timeout TO '4s'")
        await connection.execute("SET LOCAL statement_timeout TO '60s'")
        await connection.execute(migration.sql)
        await connection.execute("RESET ROLE")
        await connection.execute(
            f"INSERT INTO {table} (name, digest) VALUES ($1, $2)",  # noqa: S608 - as above
            migration.name,
            migration.digest,
        )
    return True


def main(environ: Mapping[str, str]) -> int:
    reader = SettingsReader(environ)
    reader.environment()
    url = reader.secret_url(
        "MIGRATE_DATABASE_URL", schemes=("postgresql", "postgres"), for_administration=True
    )
    try:
        reader.finish()
        applied = asyncio.run(migrate(url))
    except SettingsError as exc:
        print("\n".join(map(with_example, exc.mistakes)), file=sys.stderr)
        return 2
    except FAILURES as exc:
        print(f"the database cannot be migrated: {type(exc).__name__}", file=sys.stderr)
        return 1
    print("\n".join(applied) if applied else "nothing to apply")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
