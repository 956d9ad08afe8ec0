import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
import pytest

from common import migrate as migrate_module
from common.migrate import MigrationEditedError, main, migrate
from common.schema import Migration, migrations_of, schemas
from tests.support.databases import ServiceDatabase

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
pytestmark = pytest.mark.usefixtures("roles_alone")
EVERYTHING = [migration.name for migrations in schemas().values() for migration in migrations]


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def test_twice_is_once(empty_database: ServiceDatabase) -> None:
    """The first run applies everything in order, the second nothing."""
    assert await migrate(empty_database.owner) == EVERYTHING
    assert await migrate(empty_database.owner) == []


async def test_two_at_once(empty_database: ServiceDatabase) -> None:
    """Of two runs at the same time one applies everything, and both succeed."""
    runs = await asyncio.gather(migrate(empty_database.owner), migrate(empty_database.owner))
    assert sorted(runs, key=len) == [[], EVERYTHING]


async def test_an_edited_file_is_refused(database: ServiceDatabase) -> None:
    """A file that was applied with other bytes stops the run, and the error names it."""
    async with connected(database.owner) as connection:
        await connection.execute(
            "UPDATE gateway.schema_migrations SET digest = 'other' WHERE name = 'common/0002_data_keys.sql'"
        )
    with pytest.raises(MigrationEditedError) as caught:
        await migrate(database.owner)
    assert caught.value.mistakes == (
        "gateway: common/0002_data_keys.sql was edited after it had been applied",
    )


async def test_a_newer_release_was_here(database: ServiceDatabase) -> None:
    """A migration that this release does not know stays as it is: rolling back a release works."""
    async with connected(database.owner) as connection:
        await connection.execute(
            "INSERT INTO gateway.schema_migrations (name, digest) VALUES ('gateway/9999_later.sql', 'x')"
        )
    assert await migrate(database.owner) == []


async def test_a_file_that_fails_leaves_nothing(database: ServiceDatabase) -> None:
    """A migration applies whole or not at all, and a failed one can be applied once it is mended."""
    broken = "CREATE TABLE half (id integer); SELECT no_such_function()"
    mended = "CREATE TABLE half (id integer)"
    async with connected(database.owner) as connection:
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await migrate_module._apply(connection, "gateway", _migration(broken))
        assert await connection.fetchval("SELECT to_regclass('gateway.half')") is None
        assert await migrate_module._apply(connection, "gateway", _migration(mended))
        owner = await connection.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'half'")
        assert owner == "waystation_owner"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE gateway.mine (id integer)",
        "CREATE TABLE public.mine (id integer)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION gateway.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION gateway.ws_now() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
        "ALTER TABLE gateway.outbox ADD COLUMN mine integer",
        "ALTER TABLE gateway.outbox DISABLE TRIGGER ALL",
        "DROP TABLE gateway.inbox",
        "TRUNCATE gateway.inbox",
        "CREATE INDEX mine ON gateway.outbox (body)",
        "SET ROLE waystation_owner",
        "CREATE ROLE mine",
        "INSERT INTO gateway.schema_migrations (name, digest) VALUES ('gateway/1.sql', 'x')",
        "UPDATE gateway.schema_migrations SET digest = 'x'",
        "DELETE FROM gateway.schema_migrations",
        "SELECT * FROM proofing.outbox",
        "SELECT * FROM metadata_sync.inbox",
        "SELECT * FROM proofing.schema_migrations",
        "INSERT INTO proofing.inbox (event_id) VALUES ('x')",
        "SELECT proofing.ws_now()",
    ],
)
async def test_what_a_service_may_not(database: ServiceDatabase, statement: str) -> None:
    """A service changes no schema, reads no other service's, and does not touch the list of migrations."""
    async with connected(database.gateway) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_what_a_service_may(database: ServiceDatabase) -> None:
    """A service reads and writes each table of its own that does not only grow, without naming the schema."""
    for dsn in (database.gateway, database.proofing, database.metadata_sync):
        async with connected(dsn) as connection:
            for row in await connection.fetch(
                "SELECT tablename FROM pg_tables"
                " WHERE schemaname = current_schema() AND tablename <> 'schema_migrations'"
                " AND tablename NOT LIKE 'audit_%'"
            ):
                table = row["tablename"]
                for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                    assert await connection.fetchval("SELECT has_table_privilege($1, $2)", table, privilege)
            await connection.execute(
                "INSERT INTO outbox (event_id, exchange, routing_key, body) VALUES ('e', 'x', 'r', '')"
            )


async def test_roles_made_here_have_no_password(empty_database: ServiceDatabase) -> None:
    """A role of ours is no superuser, passes no row-level security, and owns nothing."""
    await migrate(empty_database.owner)
    async with connected(empty_database.owner) as connection:
        rows = await connection.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'waystation\\_%'"
            " AND NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
            " ORDER BY rolname"
        )
        owners = await connection.fetch(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE tableowner LIKE 'waystation\\_%'"
        )
    assert [row["rolname"] for row in rows] == [
        "waystation_gateway",
        "waystation_gateway_all_tenants",
        "waystation_metadata_sync",
        "waystation_metadata_sync_all_tenants",
        "waystation_owner",
        "waystation_proofing",
        "waystation_proofing_all_tenants",
    ]
    assert [row["tableowner"] for row in owners] == ["waystation_owner"]


async def test_a_deployer_who_is_no_superuser(empty_database: ServiceDatabase) -> None:
    """A role that may create roles and schemas is enough to migrate."""
    name = f"deployer_{empty_database.name}"
    async with connected(empty_database.owner) as connection:
        await connection.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'deploy'")
        try:
            await connection.execute(f'GRANT CREATE ON DATABASE "{empty_database.name}" TO {name}')
            for row in await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname ~ '^waystation_'"):
                # Another test made the roles; who makes a role may grant it.
                await connection.execute(f"GRANT {row['rolname']} TO {name} WITH ADMIN OPTION")
            dsn = empty_database.owner.partition("@")[2]
            assert await migrate(f"postgresql://{name}:deploy@{dsn}") == EVERYTHING
            assert await migrate(f"postgresql://{name}:deploy@{dsn}") == []
        finally:
            await connection.execute(f"DROP OWNED BY {name} CASCADE")
            await connection.execute(f"DROP ROLE {name}")


def test_the_command_without_a_database(capsys: pytest.CaptureFixture[str]) -> None:
    """Without its variable, or with one that is no URL, the command says so and exits 2."""
    assert main({}) == 2
    assert main({"MIGRATE_DATABASE_URL": "mysql://root:canary-7f3a@db/x"}) == 2
    output = capsys.readouterr()
    assert output.out == ""
    example = "postgresql://postgres:PASSWORD@db.internal:5432/waystation"
    assert output.err.splitlines() == [
        f"MIGRATE_DATABASE_URL: is required; for example {example}",
        (
            "MIGRATE_DATABASE_URL: must be a URL that begins with postgresql:// or postgres://; "
            f"for example {example}"
        ),
    ]


def test_the_command_where_nothing_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no database answers, or not to us, the command exits 1 with a sentence and no password."""
    url = "postgresql://postgres:canary-7f3a-0123456789@127.0.0.1:1/x"
    assert main({"MIGRATE_DATABASE_URL": url}) == 1
    assert capsys.readouterr().err == "the database cannot be migrated: ConnectionRefusedError\n"


def test_the_command_with_a_wrong_password(
    empty_database: ServiceDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refused password is a plain sentence too."""
    host = empty_database.owner.partition("@")[2]
    assert main({"MIGRATE_DATABASE_URL": f"postgresql://postgres:canary-7f3a-0123456789@{host}"}) == 1
    assert capsys.readouterr().err == "the database cannot be migrated: InvalidPasswordError\n"


def test_shared_and_own_migrations_of_a_schema_are_applied_once_each() -> None:
    """Each schema has its own copy of what all share."""
    assert EVERYTHING.count("common/0001_time_outbox_inbox.sql") == 3
    assert len(EVERYTHING) == sum(len(migrations_of(schema)) for schema in schemas())


def _migration(sql: str) -> Migration:
    return Migration(name="gateway/9999_half.sql", sql=sql, digest=hashlib.sha256(sql.encode()).hexdigest())
