"""The doctor's look at a service's database: reachability, migrations, rights, walls, clock, backlog."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from common.db import (
    Connection,
    Database,
    DatabaseUnavailableError,
    SchemaOutdatedError,
    UnsafeDatabaseError,
    open_database,
)
from common.doctor import Finding, Patient, fail, ok, warn
from common.schema import role_of, schemas

OLDEST_SERVER = 150_000
CLOCK_WARN_SECONDS, CLOCK_FAIL_SECONDS = 1.0, 30.0
OUTBOX_WARN_SECONDS = 60.0
BUSY = 0.9  # of max_connections

_MIGRATE = "Run `waystation migrate` with this release."
_FIXES = {
    "InvalidPasswordError": "Give the role this password (ALTER ROLE … PASSWORD), or put its own into "
    "DATABASE_URL.",
    "InvalidAuthorizationSpecificationError": "Run `waystation migrate`, give the role a password, and "
    "let pg_hba.conf take it.",
    "InvalidCatalogNameError": "Create that database, or name the right one in DATABASE_URL.",
    "gaierror": "Correct the host name in DATABASE_URL, or your name server.",
    "InvalidParameterValueError": _MIGRATE,
    "InsufficientPrivilegeError": _MIGRATE,
}
_START = "Start PostgreSQL, or correct host and port in DATABASE_URL; look at firewalls and network policies."


async def look_at_database(patient: Patient) -> Sequence[Finding]:
    """With both roles that the service uses, as it opens them."""
    try:
        async with open_database(
            patient.database_url,
            schema=patient.schema,
            application_name="waystation doctor",
            production=patient.production,
            pool_size=1,
            all_tenants=True,
        ) as database:
            return [ok("database", "answers, and has every migration"), *await _look(database, patient)]
    except DatabaseUnavailableError as exc:
        return [fail("database", f"does not answer ({exc})", fix=_FIXES.get(str(exc), _START))]
    except SchemaOutdatedError as exc:
        return [fail("schema", f"migrations are missing ({exc})", fix=_MIGRATE)]
    except UnsafeDatabaseError as exc:
        fix = (
            "Take the setting out (ALTER DATABASE … RESET), or use the role that `waystation migrate` makes."
        )
        return [fail("database role", mistake.partition(": ")[2], fix=fix) for mistake in exc.mistakes]


async def _look(database: Database, patient: Patient) -> list[Finding]:
    async with database.connection() as connection:
        return [
            await _version(connection),
            await _room(connection),
            await _clock(connection),
            *await _rights(connection, patient.schema),
            *await _walls(connection, patient.schema),
            await _outbox(connection),
        ]


async def _version(connection: Connection) -> Finding:
    number = int(await connection.fetchval("SELECT current_setting('server_version_num')"))
    text = f"PostgreSQL {number // 10_000}"
    if number < OLDEST_SERVER:
        return warn("database version", f"{text} is older than what is tried", fix="Upgrade to 15 or later.")
    return ok("database version", text)


async def _room(connection: Connection) -> Finding:
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM pg_stat_activity WHERE usesysid IS NOT NULL) AS used,
            current_setting('max_connections')::int AS most
        """
    )
    used, most = (row["used"], row["most"]) if row else (0, 0)
    text = f"{used} of {most} connections are in use"
    if used > BUSY * most:
        return warn("database connections", text, fix="Raise max_connections, or run fewer replicas.")
    return ok("database connections", text)


async def _clock(connection: Connection) -> Finding:
    before, started = datetime.now(UTC), time.monotonic()
    theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
    middle = before.timestamp() + (time.monotonic() - started) / 2
    return judge_clock("clock of the database", theirs.timestamp() - middle)


def judge_clock(about: str, seconds: float, *, coarse: float = 0.0) -> Finding:
    """`seconds`: how far theirs is ahead of ours; `coarse`: what their way of telling time rounds off."""
    off = abs(seconds)
    text = f"{off:.1f} s {'ahead of' if seconds > 0 else 'behind'} ours"
    fix = "Let time synchronisation (NTP) run on both machines."
    if off > CLOCK_FAIL_SECONDS:
        return fail(about, text, fix=fix)
    if off > CLOCK_WARN_SECONDS + coarse:
        return warn(about, text, fix=fix)
    return ok(about, "agrees with ours")


async def _rights(connection: Connection, schema: str) -> list[Finding]:
    role, others = role_of(schema), [other for other in schemas() if other != schema]
    row = await connection.fetchrow(
        """
        SELECT session_user = $2 AS is_own,
            has_schema_privilege(session_user, $1, 'CREATE') AS may_create,
            ARRAY(
                SELECT other FROM unnest($3::text[]) AS other
                WHERE to_regnamespace(other) IS NOT NULL
                    AND has_schema_privilege(session_user, other, 'USAGE')
            ) AS others,
            ARRAY(
                SELECT relname::text FROM pg_class
                WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p')
                    AND relname NOT IN ('schema_migrations', 'audit_events', 'audit_seals')
                    AND NOT (has_table_privilege($2, oid, 'SELECT') AND has_table_privilege($2, oid, 'INSERT')
                        AND has_table_privilege($2, oid, 'UPDATE') AND has_table_privilege($2, oid, 'DELETE'))
                ORDER BY 1
            ) AS closed
        """,
        schema,
        role,
        others,
    )
    if row is None or not row["is_own"]:
        text = f"logs in as another role than {role}"
        return [fail("database role", text, fix=f"Let DATABASE_URL log in as {role}.")]
    found = []
    if row["may_create"]:
        fix = f"REVOKE CREATE ON SCHEMA {schema} FROM {role}."
        found.append(warn("database role", f"{role} may create tables", fix=fix))
    if row["others"]:
        fix = "Revoke that: services see nothing of each other's."
        found.append(warn("database role", f"{role} may enter {', '.join(row['others'])}", fix=fix))
    if row["closed"]:
        text = f"{role} may not read and write {', '.join(row['closed'])}"
        found.append(fail("database role", text, fix=_MIGRATE))
    return found or [ok("database role", f"{role} may do what the service does, and no more")]


async def _walls(connection: Connection, schema: str) -> list[Finding]:
    """Row-level security of every table with a column `tenant`."""
    rows = await connection.fetch(
        """
        SELECT relname::text AS name FROM pg_class AS class JOIN pg_attribute ON attrelid = class.oid
        WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p') AND attname = 'tenant'
            AND NOT attisdropped
            AND NOT (relrowsecurity AND relforcerowsecurity AND 2 = (
                SELECT count(*) FROM pg_policy
                WHERE polrelid = class.oid AND polname IN ('own_tenant', 'all_tenants')
            ))
        ORDER BY 1
        """,
        schema,
    )
    if rows:
        names = ", ".join(row["name"] for row in rows)
        return [fail("tenants apart", f"row-level security is not whole on {names}", fix=_MIGRATE)]
    return [ok("tenants apart", "row-level security is on every table of tenants")]


async def _outbox(connection: Connection) -> Finding:
    row = await connection.fetchrow(
        """
        SELECT count(*) AS messages, extract(epoch FROM ws_now() - min(due_at))::float AS seconds
        FROM outbox WHERE due_at <= ws_now()
        """
    )
    if row is None or not row["messages"]:
        return ok("outbox", "nothing waits to be sent")
    text = f"{row['messages']} messages wait to be sent, the oldest since {row['seconds']:.0f} s"
    if row["seconds"] > OUTBOX_WARN_SECONDS:
        return warn("outbox", text, fix="Start the service, or see what its log says of the broker.")
    return ok("outbox", text)
