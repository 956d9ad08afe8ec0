"""The one way to PostgreSQL: a pool with deadlines everywhere, and two errors instead of asyncpg's many.

The server keeps tenants apart too (migrate_rights.py): a transaction sees rows of the tenant that it names,
and nothing of any tenant where it names none. A pool for `all_tenants` has another role, which sees them all.
"""

import asyncio
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from common.errors import WaystationError
from common.schema import all_tenants_role_of, migrations_of
from common.settings import SettingsError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

POOL_SIZE = 8
ACQUIRE_SECONDS = 2.0
COMMAND_SECONDS = 5.0
CLOSE_SECONDS = 10.0

_TENANT = re.compile(r"[a-z0-9-]{1,40}")

# What passes when the same unit of work is tried again later. A commit that failed this way may have
# happened: every write of ours is keyed by an id that we chose, so that doing it again is harmless.
_TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # how the client meets a connection that was ended while it was idle
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.exceptions.LockNotAvailableError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
)


class DatabaseUnavailableError(WaystationError):
    """The database did not answer; the work may or may not have been done and can be tried again."""


class SchemaOutdatedError(WaystationError):
    """Migrations that this release needs have not been applied."""


class UnsafeDatabaseError(SettingsError):
    """In production: the database moves its clock, or the role may do more than a service may."""


@dataclass(frozen=True, kw_only=True)
class PoolUse:
    """How many connections are in use, how many wait for it, and how many there may be."""

    used: int
    idle: int
    limit: int


class Database:
    """A pool; never acquire inside a transaction of your own: pass the connection down."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection; each statement is its own transaction."""
        try:
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                yield connection
        except (*_TRANSIENT, OSError) as exc:
            if isinstance(exc, OSError) and not _is_the_clients(exc):
                raise
            raise DatabaseUnavailableError(type(exc).__name__) from exc

    @asynccontextmanager
    async def transaction(self, *, tenant: str | None = None) -> AsyncIterator[Connection]:
        """One connection in one transaction: committed at the end of the block, rolled back on any error.

        Within `tenant`, if one is given: its rows, and no others of any tenant, are seen and written.
        """
        begin = _begin(tenant)
        async with self.connection() as connection:
            try:
                await connection.execute(begin)
                yield connection
            except BaseException:
                await _roll_back(connection)
                raise
            await connection.execute("COMMIT")

    def use(self) -> PoolUse:
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        return PoolUse(used=size - idle, idle=idle, limit=self._pool.get_max_size())

    async def is_up(self) -> bool:
        try:
            async with self.connection() as connection:
                return bool(await connection.fetchval("SELECT true"))
        except DatabaseUnavailableError:
            return False


@asynccontextmanager
async def open_database(
    url: str,
    *,
    schema: str,
    application_name: str,
    production: bool,
    pool_size: int = POOL_SIZE,
    all_tenants: bool = False,
) -> AsyncIterator[Database]:
    """Open a pool of one service; with `all_tenants` for work that goes across tenants.

    Raises:
        DatabaseUnavailableError: nothing answers at `url`.
        SchemaOutdatedError: migrations are missing; run `./dev migrate`.
        UnsafeDatabaseError: in production, its clock is moved or the role is too mighty.
    """
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=pool_size,
            timeout=5,
            command_timeout=COMMAND_SECONDS,
            reset=_leave_as_it_is,
            server_settings={
                "application_name": application_name,
                "search_path": schema,
                "statement_timeout": "5s",
                "lock_timeout": "4s",
                "idle_in_transaction_session_timeout": "15s",
            }
            | ({"role": all_tenants_role_of(schema)} if all_tenants else {}),
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
        raise DatabaseUnavailableError(type(exc).__name__) from exc
    try:
        database = Database(pool)
        await _refuse_outdated_schema(database, schema=schema)
        if production:
            await _refuse_unsafe(database)
        yield database
    finally:
        await _close(pool)


def _begin(tenant: str | None) -> str:
    """One round trip, which begins the transaction and says whose it is until its end.

    A key that no tenant can have, as a message may bring it, is nobody's.
    """
    if tenant is None:
        return "BEGIN"
    key = tenant if _TENANT.fullmatch(tenant) else ""
    return f"BEGIN; SET LOCAL waystation.tenant = '{key}'"


async def _roll_back(connection: Connection) -> None:
    """What ended the work is what is told; a connection that cannot do this is given up, which does it."""
    try:
        await connection.execute("ROLLBACK")
    except (*_TRANSIENT, OSError):
        with suppress(asyncpg.InterfaceError):  # a lost one the pool has taken back already
            connection.terminate()


async def _leave_as_it_is(_connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nobody changes a session, and an open transaction is ended anyway: a reset costs a statement."""


async def _refuse_outdated_schema(database: Database, *, schema: str) -> None:
    async with database.connection() as connection:
        try:
            rows = await connection.fetch("SELECT name FROM schema_migrations")
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
            rows = []
    missing = {migration.name for migration in migrations_of(schema)} - {row["name"] for row in rows}
    if missing:
        raise SchemaOutdatedError(f"not applied: {', '.join(sorted(missing))}")


async def _refuse_unsafe(database: Database) -> None:
    async with database.connection() as connection:
        found = await connection.fetchrow(
            """
            SELECT NULLIF(current_setting('waystation.clock_offset', true), '') IS NOT NULL AS is_moved,
                rolsuper OR rolbypassrls OR EXISTS (
                    SELECT FROM pg_tables WHERE schemaname = current_schema AND tableowner = rolname
                ) AS is_mighty
            FROM pg_roles WHERE rolname = current_user
            """
        )
    problems = {
        "is_moved": "the database moves its clock (waystation.clock_offset), which only tests may do",
        "is_mighty": "the role is a superuser, owns the tables or passes row-level security by",
    }
    if mistakes := tuple(f"DATABASE_URL: {said}" for name, said in problems.items() if found and found[name]):
        raise UnsafeDatabaseError(mistakes)


def _is_the_clients(exc: OSError) -> bool:
    """Whether the database client raised it: a timeout or a lost connection may be the caller's own."""
    frames = (frame for frame, _ in traceback.walk_tb(exc.__traceback__))
    return any(frame.f_globals.get("__name__", "").partition(".")[0] == "asyncpg" for frame in frames)


async def _close(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()
