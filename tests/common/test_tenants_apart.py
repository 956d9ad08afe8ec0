"""What the database itself says about tenants and roles, whatever our queries say."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from common.db import Database, open_database
from common.migrate import migrate
from common.schema import all_tenants_role_of, role_of, schemas
from tests.support.databases import ServiceDatabase

# Of no tenant: what waits to be sent and what was received, budgets of domains that tenants share, what was
# applied, and the chain over the audit trail of all.
SHARED = {
    "gateway": {"outbox", "inbox", "delivery_attempts", "schema_migrations", "audit_seals"},
    "proofing": {"outbox", "inbox", "delivery_attempts", "schema_migrations", "audit_seals"},
    "metadata_sync": {"outbox", "inbox", "delivery_attempts", "schema_migrations", "audit_seals", "budgets"},
}
_KEY = (
    "INSERT INTO data_keys (tenant, subject, dek_id, kek_id, wrapped) VALUES ($1, 'auth0|anna', '', '', '')"
)


@pytest.fixture
async def gateway(database: ServiceDatabase) -> AsyncIterator[Database]:
    """The gateway's pool, with a row each of acme and globex behind it."""
    async with open_database(
        database.gateway, schema="gateway", application_name="test", production=True
    ) as opened:
        for tenant in ("acme", "globex"):
            async with opened.transaction(tenant=tenant) as connection:
                await connection.execute(_KEY, tenant)
        yield opened


async def owners_of_keys(database: Database, *, tenant: str | None) -> list[str]:
    async with database.transaction(tenant=tenant) as connection:
        return [row["tenant"] for row in await connection.fetch("SELECT tenant FROM data_keys ORDER BY 1")]


async def test_a_transaction_sees_its_tenant_alone(gateway: Database) -> None:
    """A query that asks for everything gets its tenant's rows, and none where no tenant was named."""
    assert await owners_of_keys(gateway, tenant="acme") == ["acme"]
    assert await owners_of_keys(gateway, tenant="globex") == ["globex"]
    assert await owners_of_keys(gateway, tenant=None) == []
    async with gateway.connection() as connection:
        assert await connection.fetch("SELECT * FROM data_keys") == []


@pytest.mark.parametrize("tenant", ["", "*", "ACME", "acme' --", "acme'; RESET ROLE; --", "a" * 41, "\0"])
async def test_a_key_that_no_tenant_has_is_nobodys(gateway: Database, tenant: str) -> None:
    """What cannot be a tenant's key shows nothing and is never part of a statement."""
    assert await owners_of_keys(gateway, tenant=tenant) == []


async def test_the_tenant_ends_with_its_transaction(gateway: Database) -> None:
    """The next work on the same connection has no tenant, whether the one before was kept or undone."""
    with pytest.raises(ZeroDivisionError):
        async with gateway.transaction(tenant="acme"):
            raise ZeroDivisionError
    async with gateway.transaction(tenant="acme") as connection:
        pid = connection.get_server_pid()
    async with gateway.connection() as connection:
        assert connection.get_server_pid() == pid
        assert await connection.fetch("SELECT * FROM data_keys") == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO data_keys (tenant, subject, dek_id, kek_id, wrapped) VALUES ('globex', 'x', '', '', '')",
        "UPDATE data_keys SET tenant = 'globex'",
    ],
)
async def test_nothing_is_written_for_another_tenant(gateway: Database, statement: str) -> None:
    """A row for another tenant is an error, new or moved there."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with gateway.transaction(tenant="acme") as connection:
            await connection.execute(statement)


async def test_foreign_rows_are_not_there_to_change(gateway: Database) -> None:
    """What is meant for all rows changes and deletes those of its tenant."""
    async with gateway.transaction(tenant="acme") as connection:
        assert await connection.execute("UPDATE data_keys SET wrapped = 'x'") == "UPDATE 1"
        assert await connection.execute("DELETE FROM data_keys") == "DELETE 1"
    assert await owners_of_keys(gateway, tenant="globex") == ["globex"]


@pytest.mark.usefixtures("gateway")
async def test_work_across_tenants(database: ServiceDatabase) -> None:
    """A pool for all tenants sees them all, by a role of its own that nobody can log in with."""
    async with open_database(
        database.gateway, schema="gateway", application_name="test", production=True, all_tenants=True
    ) as opened:
        assert await owners_of_keys(opened, tenant=None) == ["acme", "globex"]
        async with opened.connection() as connection:
            assert await connection.fetchval("SELECT current_user") == "waystation_gateway_all_tenants"
            assert not await connection.fetchval(
                "SELECT rolcanlogin FROM pg_roles WHERE rolname = current_user"
            )


async def catalogue(database: ServiceDatabase, query: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database.owner)
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()


async def test_every_table_with_a_tenant_is_walled(database: ServiceDatabase) -> None:
    """Each table has a tenant, forced row-level security and both policies, or is known to be of none."""
    for schema in schemas():
        rows = await catalogue(
            database,
            """
            SELECT relname, relrowsecurity AND relforcerowsecurity AS is_forced,
                EXISTS (SELECT FROM pg_attribute WHERE attrelid = class.oid AND attname = 'tenant')
                    AS has_tenant,
                ARRAY(
                    SELECT concat_ws(' ', polname, polcmd, polpermissive,
                        ARRAY(SELECT rolname FROM pg_roles WHERE oid = ANY(polroles) ORDER BY rolname),
                        pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
                    FROM pg_policy WHERE polrelid = class.oid ORDER BY polname
                ) AS policies
            FROM pg_class AS class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p')
            """,
            schema,
        )
        role, all_tenants = role_of(schema), all_tenants_role_of(schema)
        own = "(tenant = NULLIF(current_setting('waystation.tenant'::text, true), ''::text))"
        expected = [
            f"all_tenants * t {{{','.join(sorted((all_tenants, 'waystation_owner')))}}} true",
            f"own_tenant * t {{{role}}} {own}",
        ]
        walled = {row["relname"]: row for row in rows if row["has_tenant"]}
        assert {row["relname"] for row in rows} - walled.keys() == SHARED[schema]
        for name, row in walled.items():
            assert (name, row["is_forced"], row["policies"]) == (name, True, expected)


@pytest.mark.usefixtures("roles_alone")
async def test_a_new_table_gets_its_wall(empty_database: ServiceDatabase) -> None:
    """A table with a tenant that somebody adds is walled by the next migration, and closed until then."""
    await migrate(empty_database.owner)
    name = f"added_{uuid.uuid4().hex[:8]}"
    await catalogue(empty_database, f"CREATE TABLE gateway.{name} (tenant text)")
    rights = "SELECT has_table_privilege('waystation_gateway', $1, 'SELECT') AS may_read"
    ((before,),) = [tuple(row) for row in await catalogue(empty_database, rights, f"gateway.{name}")]
    await migrate(empty_database.owner)
    ((after,),) = [tuple(row) for row in await catalogue(empty_database, rights, f"gateway.{name}")]
    assert (before, after) == (False, True)
    forced = "SELECT relforcerowsecurity FROM pg_class WHERE oid = $1::regclass"
    assert (await catalogue(empty_database, forced, f"gateway.{name}"))[0][0]


async def test_what_roles_are(database: ServiceDatabase) -> None:
    """No role of a service owns anything, passes policies by, or inherits what it is a member of."""
    roles = [name for schema in schemas() for name in (role_of(schema), all_tenants_role_of(schema))]
    rows = await catalogue(
        database,
        """
        SELECT rolname FROM pg_roles WHERE rolname = ANY($1)
            AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
                OR EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)
                OR EXISTS (SELECT FROM pg_proc WHERE proowner = pg_roles.oid)
                OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = pg_roles.oid)
                OR pg_has_role(rolname, 'waystation_owner', 'MEMBER'))
        """,
        roles,
    )
    assert rows == []
    for schema in schemas():
        rows = await catalogue(
            database,
            """
            SELECT member.rolinherit, role.rolname FROM pg_auth_members
            JOIN pg_roles AS member ON member.oid = member JOIN pg_roles AS role ON role.oid = roleid
            WHERE member.rolname = $1
            """,
            role_of(schema),
        )
        assert [tuple(row) for row in rows] == [(False, all_tenants_role_of(schema))]


async def test_a_service_sees_its_own_schema(database: ServiceDatabase) -> None:
    """Neither role of a service may enter the schema of another, or read or add to its tables."""
    for schema in schemas():
        for role in (role_of(schema), all_tenants_role_of(schema)):
            usable = await catalogue(
                database,
                """
                SELECT nspname FROM pg_namespace
                WHERE nspname = ANY($2) AND (has_schema_privilege($1, oid, 'USAGE')
                    OR EXISTS (SELECT FROM pg_class
                        WHERE relnamespace = pg_namespace.oid AND relkind IN ('r', 'p', 'v')
                            AND has_table_privilege($1, pg_class.oid, 'SELECT, INSERT')))
                """,
                role,
                list(schemas()),
            )
            assert [row["nspname"] for row in usable] == [schema]


async def test_functions_of_the_owner(database: ServiceDatabase) -> None:
    """What runs with the owner's rights is known, and finds no temporary table before those of its schema."""
    rows = await catalogue(
        database,
        """
        SELECT nspname, proname, proconfig FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
        WHERE prosecdef AND nspname = ANY($1) ORDER BY 1, 2
        """,
        list(schemas()),
    )
    assert [(row["nspname"], row["proname"]) for row in rows] == [
        ("gateway", "enter_login"),
        *((schema, "seal_audit_events") for schema in sorted(schemas())),
    ]
    assert all(row["proconfig"] == [f"search_path={row['nspname']}, pg_temp"] for row in rows)
