"""What the roles of a schema may: rights on its tables, and the walls between the tenants in them.

A service logs in with one role. It sees the rows of the tenant that its transaction names in
`waystation.tenant`, and nothing of any tenant where it names none. For work across tenants, connections of
their own take another role, to which a policy shows everything; the first role does not inherit that. Neither
owns a table or passes policies by. Every table with a column `tenant` gets its wall here: none is forgotten.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from common.schema import OWNER, all_tenants_role_of, role_of

if TYPE_CHECKING:
    import asyncpg

AdminConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def ensure_roles(connection: AdminConnection, schemas: Iterable[str]) -> None:
    """Make what roles are missing; what they may is said by their grants alone."""
    await _ensure_role(connection, OWNER, "NOLOGIN")
    await connection.execute(f"GRANT {OWNER} TO CURRENT_USER")
    for schema in schemas:
        role, all_tenants = role_of(schema), all_tenants_role_of(schema)
        await _ensure_role(connection, role, "LOGIN NOINHERIT")
        await _ensure_role(connection, all_tenants, "NOLOGIN")
        if await connection.fetchval("SELECT rolinherit FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f"ALTER ROLE {role} NOINHERIT")
        if not await connection.fetchval("SELECT pg_has_role($1, $2, 'MEMBER')", role, all_tenants):
            await connection.execute(f"GRANT {all_tenants} TO {role}")


async def _ensure_role(connection: AdminConnection, role: str, options: str) -> None:
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"CREATE ROLE {role} {options} NOBYPASSRLS")


async def build_walls(connection: AdminConnection, schema: str) -> None:
    """Row-level security for each table with a column `tenant`, its owner included."""
    tables = await connection.fetch(
        """
        SELECT class.oid::regclass::text AS name, relrowsecurity AND relforcerowsecurity AS is_walled,
            ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = class.oid) AS policies
        FROM pg_class AS class JOIN pg_attribute ON attrelid = class.oid
        WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p')
            AND attname = 'tenant' AND NOT attisdropped
        """,
        schema,
    )
    policies = {
        "own_tenant": f"""
            TO {role_of(schema)} USING (tenant = NULLIF(current_setting('waystation.tenant', true), ''))""",
        "all_tenants": f"TO {all_tenants_role_of(schema)}, {OWNER} USING (true)",
    }
    for table in tables:
        name = table["name"]
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout TO '4s'")
            if not table["is_walled"]:
                await connection.execute(
                    f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
                )
            for policy in policies.keys() - set(table["policies"]):
                await connection.execute(f"CREATE POLICY {policy} ON {name} {policies[policy]}")


async def narrow_functions(connection: AdminConnection, schema: str) -> None:
    """What runs with the owner's rights finds the schema's own tables, never its caller's temporary ones."""
    rows = await connection.fetch(
        """
        SELECT oid::regprocedure::text AS name FROM pg_proc
        WHERE pronamespace = $1::regnamespace AND prosecdef AND proconfig IS DISTINCT FROM ARRAY[$2]
        """,
        schema,
        f"search_path={schema}, pg_temp",
    )
    for row in rows:
        await connection.execute(f"ALTER FUNCTION {row['name']} SET search_path TO {schema}, pg_temp")


async def grant(connection: AdminConnection, schema: str) -> None:
    """Read and write every table of the schema, but for migrations and what the audit trail is made of."""
    role, all_tenants = role_of(schema), all_tenants_role_of(schema)
    # One string is one transaction: no right is there for a moment that is taken back after it.
    await connection.execute(f"""
        GRANT USAGE ON SCHEMA {schema} TO {role}, {all_tenants};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}, {all_tenants};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}, {all_tenants};
        REVOKE INSERT, UPDATE, DELETE ON {schema}.schema_migrations FROM {role}, {all_tenants};
        REVOKE ALL ON {schema}.audit_events, {schema}.audit_seals FROM {role}, {all_tenants};
        GRANT INSERT (tenant, event, transaction_id, subject, about, outcome, reasons)
            ON {schema}.audit_events TO {role}, {all_tenants};
        GRANT SELECT ON {schema}.audit_events, {schema}.audit_seals TO {all_tenants};
        ALTER ROLE {role} SET search_path TO {schema}""")
